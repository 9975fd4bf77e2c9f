//! The `AccessRights` bits of the MDM payload (Apple: `com.apple.mdm`, `AccessRights`), in words.

const RIGHTS: [(u32, &str); 13] = [
    (1, "inspect configuration profiles"),
    (2, "install and remove configuration profiles"),
    (4, "lock the device and remove its passcode"),
    (8, "erase the device"),
    (16, "ask for device information"),
    (32, "ask for network information"),
    (64, "inspect provisioning profiles"),
    (128, "install and remove provisioning profiles"),
    (256, "list applications"),
    (512, "ask for restrictions"),
    (1024, "ask for security information"),
    (2048, "change settings"),
    (4096, "manage applications"),
];

/// The rights of a mask as one phrase; `nothing` for an empty one.
pub(crate) fn in_words(mask: u32) -> String {
    let words: Vec<_> = RIGHTS.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, words)| *words).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", and to ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_of_the_full_mask_has_words() {
        assert_eq!(RIGHTS.iter().map(|(bit, _)| bit).sum::<u32>(), 8191);
        assert_eq!(in_words(8), "erase the device");
        assert_eq!(in_words(0), "nothing");
    }
}
