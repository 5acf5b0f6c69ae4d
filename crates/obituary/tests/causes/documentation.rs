//! The page on causes has the codes, sentences and facts of the code.

use ray_history_obituary::cause::Code;

#[test]
fn the_page_lists_all_codes_with_their_sentences() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/causes.md");
    let page = std::fs::read_to_string(path).unwrap();
    let row = |code: &Code| {
        let sentence = code.sentence().replace('|', "\\|");
        format!("| `{code}` | {sentence} | {} |", code.seen())
    };
    let rows: Vec<String> = Code::ALL.iter().map(row).collect();
    let codes = page.split_once("\n## Codes\n").unwrap().1;
    let listed: Vec<&str> =
        codes.lines().filter(|line| Code::ALL.iter().any(|code| line.starts_with(&format!("| `{code}` |")))).collect();
    assert_eq!(listed, rows, "docs/causes.md must have these rows:\n{}", rows.join("\n"));
}
