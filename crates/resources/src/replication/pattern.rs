//! Which indexes two patterns have in common.

/// True if some name matches both patterns, in which `*` is any text, also none.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    // Whether what is left of both patterns can match the same text, for every end of `other`, shortest first.
    let mut below: Vec<bool> = ends(other).map(|rest| rest.iter().all(|byte| *byte == b'*')).collect();
    for rest in ends(one).skip(1) {
        let is_any = rest.first() == Some(&b'*');
        let mut row = vec![is_any && below.first() == Some(&true)];
        for (end, before) in ends(other).skip(1).zip(below.windows(2)) {
            let &[both, down] = before else { continue };
            let across = row.last() == Some(&true);
            row.push(match end.first() {
                // One of the two takes a character more, or is done.
                Some(b'*') => down || across,
                Some(_) if is_any => down || across,
                first => first == rest.first() && both,
            });
        }
        below = row;
    }
    below.last() == Some(&true)
}

/// The ends of a pattern, from the empty one to the whole.
fn ends(pattern: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..=pattern.len()).rev().filter_map(|start| pattern.get(start..))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_patterns_overlap_when_a_name_fits_both() {
        for (one, other, expected) in [
            ("logs-*", "logs-*", true),
            ("logs-*", "logs-2026", true),
            ("logs-*", "events-*", false),
            ("logs-*", "log*", true),
            ("logs-a*", "logs-b*", false),
            ("a*z", "*", true),
            ("a*z", "a*y", false),
            ("*-eu", "logs-*", true),
            ("*-eu", "logs-us", false),
            ("logs", "logs", true),
            ("logs", "log", false),
            ("a**", "a", true),
            ("*a*b", "*b*a", false),
            ("*a*b*", "*b*a", true),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
            assert_eq!(overlap(other, one), expected, "{other} {one}");
        }
    }

    fn matches(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                matches(rest, name)
                    || name.split_first().is_some_and(|(_, shorter)| matches(pattern, shorter))
            }
            (Some((one, rest)), Some((other, shorter))) => one == other && matches(rest, shorter),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_name_that_fits_both_is_an_overlap(
            one in "[ab*]{0,5}", other in "[ab*]{0,5}", name in "[ab]{0,8}"
        ) {
            let fits = |pattern: &str| matches(pattern.as_bytes(), name.as_bytes());
            prop_assert!(!(fits(&one) && fits(&other)) || overlap(&one, &other));
        }

        #[test]
        fn an_overlap_has_a_name_that_fits_both(one in "[ab*]{0,4}", other in "[ab*]{0,4}") {
            // Two patterns of so few characters have a short name in common or none.
            let names = (0..=8_usize).flat_map(|length| (0..1_u32 << length).map(move |bits| {
                (0..length).map(|at| if bits >> at & 1 == 0 { b'a' } else { b'b' }).collect::<Vec<_>>()
            }));
            let found = names.into_iter().any(|name| {
                matches(one.as_bytes(), &name) && matches(other.as_bytes(), &name)
            });
            prop_assert_eq!(overlap(&one, &other), found);
        }
    }
}
