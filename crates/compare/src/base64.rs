//! Bytes as text, for JSON.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            (0..3).fold(0_u32, |group, place| group << 8 | u32::from(*chunk.get(place).unwrap_or(&0)));
        for place in 0..=chunk.len() {
            let letter = LETTERS.get((group >> (18 - 6 * place) & 63) as usize);
            text.push(char::from(*letter.unwrap_or(&b'A')));
        }
    }
    text
}

/// None when it is not what [`encode`] gives.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut group = 0_u32;
        for place in 0..4 {
            group = group << 6 | chunk.get(place).map_or(Some(0), |letter| value(*letter))?;
        }
        let [_, rest @ ..] = group.to_be_bytes();
        // One letter is less than a byte.
        let count = chunk.len().checked_sub(1).filter(|count| *count > 0)?;
        bytes.extend(rest.iter().take(count));
    }
    Some(bytes)
}

fn value(letter: u8) -> Option<u32> {
    let (first, base) = match letter {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => return Some(62),
        b'/' => return Some(63),
        _ => return None,
    };
    Some(u32::from(letter - first) + base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)).unwrap(), all);
        for wrong in ["Z", "Zm9vZ", "Zg==", "Zm 9", "é"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
