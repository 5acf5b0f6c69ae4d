//! Texts that are the same but for their numbers.

/// Returns the text with `#` in place of each number, so that texts that differ in numbers alone are the same.
pub fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_any_length_is_one_sign() {
        assert_eq!(without_numbers("back-off 20s, 137 of 1x"), "back-off #s, # of #x");
    }
}
