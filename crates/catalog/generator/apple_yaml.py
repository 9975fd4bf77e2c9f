"""Reads the part of YAML that Apple's device management schema is written in, with the standard library alone.

Block mappings and sequences, plain and quoted scalars (also folded over lines), literal blocks, anchors and aliases,
empty flow collections. Anything else is an error with its line, never a guess.
"""

import re

_KEY = re.compile(r"""^(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s'"\[\]{}#&*!|>%@`][^#]*?)\s*:(?:\s+(?P<rest>.*))?$""")
_ANCHOR = re.compile(r"^&(\w+)\s*(.*)$")
_INTEGER = re.compile(r"^[-+]?\d+$")
_FLOAT = re.compile(r"^[-+]?(\d+\.\d*|\.\d+)$")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


class YamlError(ValueError):
    """The text is not in the subset."""


class _Reader:
    def __init__(self, text):
        self.lines = text.splitlines()
        self.at = 0
        self.anchors = {}

    def error(self, what):
        return YamlError(f"line {self.at + 1}: {what}: {self.lines[self.at][:80] if self.at < len(self.lines) else ''}")

    def peek(self):
        """Indentation and text of the next line that says something, or None at the end."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            text = line.strip()
            if text and not text.startswith("#") and text != "---":
                return len(line) - len(line.lstrip(" ")), text
            self.at += 1
        return None

    def block(self, indent):
        """The value that starts on the next line, at least `indent` deep."""
        found = self.peek()
        if found is None or found[0] < indent:
            return None
        at, text = found
        if text == "-" or text.startswith("- "):
            return self.sequence(at)
        if _KEY.match(text):
            return self.mapping(at, {})
        return self.scalar_lines(indent)

    def sequence(self, indent, into=None):
        items = [] if into is None else into
        while (found := self.peek()) and found[0] == indent and (found[1] == "-" or found[1].startswith("- ")):
            rest = found[1][1:].lstrip()
            if not rest:
                self.at += 1
                items.append(self.block(indent + 1))
            elif _KEY.match(rest) and rest[0] not in "'\"" or _KEY.match(rest) and _quoted_key(rest):
                line = self.lines[self.at]
                inner = indent + len(line[indent + 1:]) - len(line[indent + 1:].lstrip()) + 1
                self.lines[self.at] = " " * inner + rest
                items.append(self.mapping(inner, {}))
            else:
                items.append(self.inline(rest, indent))
        return items

    def mapping(self, indent, into):
        while (found := self.peek()) and found[0] == indent:
            match = _KEY.match(found[1])
            if not match:
                if found[1].startswith("- "):
                    break
                raise self.error("not a key")
            key = _scalar(match["key"])
            if key in into:
                raise self.error(f"the key {key} twice")
            into[key] = self.inline(match["rest"] or "", indent, after_key=True)
        return into

    def inline(self, rest, indent, after_key=False):
        """A value whose first part stands on the current line."""
        anchor = _ANCHOR.match(rest)
        if anchor:
            return self.anchored(anchor[1], anchor[2], indent, after_key)
        if rest.startswith("*"):
            self.at += 1
            if rest[1:] not in self.anchors:
                raise self.error(f"no anchor {rest[1:]}")
            return self.anchors[rest[1:]]
        if rest in ("[]", "{}"):
            self.at += 1
            return [] if rest == "[]" else {}
        if rest[:1] in ("|", ">"):
            self.at += 1
            return self.literal(rest, indent)
        if rest == "":
            self.at += 1
            found = self.peek()
            if found and after_key and found[0] == indent and (found[1] == "-" or found[1].startswith("- ")):
                return self.sequence(indent)
            return self.block(indent + 1)
        if rest[0] in "[{!%@`":
            raise self.error("outside the subset")
        self.lines[self.at] = " " * (indent + 1) + rest
        return self.scalar_lines(indent + 1)

    def anchored(self, name, rest, indent, after_key):
        if rest:
            value = self.anchors[name] = self.inline(rest, indent, after_key)
            return value
        self.at += 1
        found = self.peek()
        if found and found[1].startswith("-") and found[0] >= indent:
            self.anchors[name] = []
            return self.sequence(found[0], self.anchors[name])
        if found and found[0] > indent:
            self.anchors[name] = {}
            return self.mapping(found[0], self.anchors[name])
        raise self.error("an anchor without a value")

    def literal(self, header, indent):
        lines = []
        depth = None
        while self.at < len(self.lines):
            line = self.lines[self.at]
            here = len(line) - len(line.lstrip(" "))
            if line.strip() and (here <= indent if depth is None else here < depth):
                break
            if line.strip() and depth is None:
                depth = here
            lines.append(line[depth:] if depth is not None else "")
            self.at += 1
        text = "\n".join(lines) if header[0] == "|" else " ".join(line.strip() for line in lines)
        return text.rstrip("\n") if "-" in header else text.rstrip("\n") + "\n"

    def scalar_lines(self, indent):
        """A plain or quoted scalar, with the lines that continue it."""
        text = self.lines[self.at].strip()
        quote = text[0] if text[0] in "'\"" else None
        self.at += 1
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if quote and _closed(text, quote):
                break
            if not line.strip():
                following = next((one for one in self.lines[self.at:] if one.strip()), "")
                if not quote and len(following) - len(following.lstrip(" ")) < indent:
                    break
                text += "\n"
            elif not quote and len(line) - len(line.lstrip(" ")) < indent:
                break
            else:
                text += ("" if text.endswith("\n") else " ") + line.strip()
            self.at += 1
        return _scalar(text)


def _quoted_key(rest):
    return _closed(rest.split(":", 1)[0].strip(), rest[0])


def _closed(text, quote):
    body = text[1:]
    if quote == "'":
        return body.replace("''", "").endswith("'")
    return re.search(r'(?<!\\)(\\\\)*"$', body) is not None


def _scalar(text):
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text[1:-1])
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def loads(text):
    """The document as dictionaries, lists and scalars; aliases share their target."""
    reader = _Reader(text)
    value = reader.block(0)
    if reader.peek() is not None:
        raise reader.error("left over")
    return value
