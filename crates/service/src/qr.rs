//! Addresses as QR codes.

use qrcode::QrCode;
use qrcode::render::svg;

use crate::Error;

/// `text` as an SVG image, black on white, with the quiet zone that scanners need.
///
/// # Errors
/// [`Error::Internal`] when the text is too long for a QR code (about 2,900 bytes).
pub(crate) fn svg(text: &str) -> Result<String, Error> {
    let code = QrCode::new(text.as_bytes())
        .map_err(|error| Error::Internal(format!("no QR code of the address: {error}")))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_an_svg_image_that_does_not_contain_it_as_text() {
        let image = svg("https://mdm.example.org/enroll/ward_link_secret").unwrap();
        assert!(image.contains("<svg") && image.ends_with("</svg>"));
        assert!(!image.contains("ward_link"));
    }
}
