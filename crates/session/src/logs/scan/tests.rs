use super::*;
use proptest::prelude::*;

/// Returns all hits in a block.
fn taken(scanner: &mut Scanner) -> Vec<Hit> {
    let mut hits = Vec::new();
    loop {
        match scanner.next_hit() {
            Some(hit) => hits.push(hit),
            None if scanner.has_rest() => {}
            None => return hits,
        }
    }
}

/// Searches a text that comes in blocks of these lengths, and of one byte each at last.
fn scanned(text: &[u8], cuts: &[usize], pattern: &Pattern, context: usize, limit: usize, bounds: Bounds) -> Vec<Hit> {
    let mut scanner = Scanner::new(pattern.clone(), context, limit, bounds);
    let (mut rest, mut hits) = (text, Vec::new());
    for cut in cuts.iter().copied().chain(std::iter::repeat(1)) {
        if rest.is_empty() {
            break;
        }
        let (block, more) = rest.split_at(cut.min(rest.len()));
        scanner.push(Bytes::copy_from_slice(block));
        hits.append(&mut taken(&mut scanner));
        rest = more;
    }
    scanner.finish();
    hits.append(&mut taken(&mut scanner));
    hits
}

/// Searches the whole text line by line.
fn naive(text: &[u8], pattern: &Pattern, context: usize, limit: usize) -> Vec<Hit> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let shown = |lines: &[&[u8]]| lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let mut hits = Vec::new();
    let mut offset = 0;
    for (at, line) in lines.iter().enumerate() {
        let span = Span { start: 0, end: line.len() };
        if pattern.find(&mut pattern.cache(), line, span).is_some() && hits.len() < limit {
            hits.push(Hit {
                line: at as u64 + 1,
                offset,
                text: String::from_utf8_lossy(line).into_owned(),
                is_cut: false,
                before: shown(&lines[at.saturating_sub(context)..at]),
                after: shown(&lines[at + 1..(at + 1 + context).min(lines.len())]),
            });
        }
        offset += line.len() as u64 + 1;
    }
    hits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn hits_are_those_of_a_naive_search(
        text in "([ab xé\u{1b}]{0,6}\n?){0,20}",
        cuts in prop::collection::vec(1usize..30, 0..8),
        (pattern, is_regex) in prop::sample::select(vec![
            ("a", false), ("ab", false), ("é", false), ("x a", false), ("a.*b", true), ("^a", true), ("b$", true),
            ("^$", true), (r"\ba", true), ("a|é", true), (r"\s", true), ("", true),
        ]),
        ignores_case: bool,
        context in 0usize..4,
        limit in 1usize..12,
    ) {
        let pattern = if pattern.is_empty() { "a*" } else { pattern };
        let pattern = Pattern::new(pattern, is_regex, ignores_case).unwrap();
        let bounds = Bounds::default();
        let expected = naive(text.as_bytes(), &pattern, context, limit);
        prop_assert_eq!(scanned(text.as_bytes(), &cuts, &pattern, context, limit, bounds), expected);
    }

    #[test]
    fn hits_in_long_lines_do_not_depend_on_blocks(
        lines in prop::collection::vec("[abcé ]{0,90}", 0..6),
        cuts in prop::collection::vec(1usize..90, 0..8),
        context in 0usize..3,
    ) {
        let text = lines.join("\n");
        let bounds = Bounds { line: 24, overlap: 12, shown: 16 };
        for (pattern, is_regex) in [("abc", false), ("^ab", true), ("bc$", true), (r"\bab\b", true), (r"b\b", true)] {
            let pattern = Pattern::new(pattern, is_regex, false).unwrap();
            let whole = scanned(text.as_bytes(), &[text.len()], &pattern, context, 99, bounds);
            let found: Vec<_> = whole.iter().map(|hit| (hit.line, hit.offset)).collect();
            let expected = naive(text.as_bytes(), &pattern, context, 99);
            prop_assert_eq!(&found, &expected.iter().map(|hit| (hit.line, hit.offset)).collect::<Vec<_>>());
            prop_assert_eq!(&scanned(text.as_bytes(), &cuts, &pattern, context, 99, bounds), &whole);
            for hit in &whole {
                let texts = hit.before.iter().chain(&hit.after).chain([&hit.text]);
                prop_assert!(texts.clone().all(|text| text.chars().count() <= 18), "{hit:?}");
            }
        }
    }
}

#[test]
fn returns_and_last_lines_without_an_end() {
    let pattern = Pattern::new("b$", true, false).unwrap();
    let hits = scanned(b"ab\r\nb", &[3], &pattern, 1, 9, Bounds::default());
    let texts: Vec<_> = hits.iter().map(|hit| (&*hit.text, hit.line, hit.offset, &*hit.after)).collect();
    assert_eq!(texts, [("ab", 1, 0, &["b".to_owned()][..]), ("b", 2, 4, &[])]);
    assert_eq!(hits[1].before, ["ab"]);
}

/// A bar of progress is one line of megabytes.
#[test]
fn a_match_far_in_a_long_line_is_shown() {
    let text = format!("{}CUDA error: é{}\nnext\n", "50%|#####  |\r".repeat(300_000), "é".repeat(3_000));
    let pattern = Pattern::new("CUDA error", false, false).unwrap();
    let blocks = vec![1 << 19; 9];
    let hits = scanned(text.as_bytes(), &blocks, &pattern, 1, 9, Bounds::default());
    let [hit] = &hits[..] else { panic!("{}", hits.len()) };
    assert!(hit.is_cut && hit.text.starts_with('…') && hit.text.ends_with('…'), "{hit:?}");
    assert!(hit.text.contains("CUDA error: éé") && hit.text.len() < 3_000, "{hit:?}");
    assert_eq!((hit.line, hit.offset, &*hit.after), (1, 0, &["next".to_owned()][..]));
}

/// Matches of nearly the overlap are found wherever they are; longer ones only where a part has them whole.
#[test]
fn matches_across_parts_of_a_long_line_are_found() {
    let Bounds { line, overlap, .. } = Bounds::default();
    let pattern = Pattern::new("BEGIN-*END", true, false).unwrap();
    let is_found = |before: usize, len: usize| {
        let text = format!("{}BEGIN{}END{}", "x".repeat(before), "-".repeat(len - 8), "x".repeat(2 * line));
        !scanned(text.as_bytes(), &[text.len()], &pattern, 0, 1, Bounds::default()).is_empty()
    };
    let longest = overlap - 2 * AROUND;
    let end = line - AROUND;
    for before in [0, end - longest, end - longest + 1, end - 9, end - 8, end, line - overlap, line - 1, line] {
        assert!(is_found(before, longest), "{before}");
    }
    assert!(is_found(0, 3 * overlap) && !is_found(end - overlap, 3 * overlap));
}

#[test]
fn a_search_ends_with_its_last_hit_and_the_lines_after() {
    let text = "hit\n".repeat(100);
    let pattern = Pattern::new("hit", false, false).unwrap();
    let mut scanner = Scanner::new(pattern, 2, 3, Bounds::default());
    scanner.push(Bytes::from(text));
    let hits = taken(&mut scanner);
    assert_eq!(hits.iter().map(|hit| (hit.line, hit.after.len())).collect::<Vec<_>>(), [(1, 2), (2, 2), (3, 2)]);
    assert!(scanner.is_done());
}
