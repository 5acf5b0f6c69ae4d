//! Titles, sentences and tables, as text or Markdown.

use super::Form;
use std::fmt::Write;

/// A page that is written from top to bottom.
pub(super) struct Page {
    form: Form,
    text: String,
}

impl Page {
    pub(super) fn new(form: Form) -> Self {
        Self { form, text: String::new() }
    }

    pub(super) fn end(self) -> String {
        self.text
    }

    /// Begins the page.
    pub(super) fn title(&mut self, title: &str) {
        match self.form {
            Form::Text => self.line(&format!("{title}\n")),
            Form::Markdown => self.line(&format!("# {title}\n")),
        }
    }

    /// Begins a section.
    pub(super) fn section(&mut self, title: &str) {
        match self.form {
            Form::Text => self.line(&format!("\n{title}")),
            Form::Markdown => self.line(&format!("\n## {title}\n")),
        }
    }

    /// Writes an item of a list.
    pub(super) fn item(&mut self, sentence: &str) {
        match self.form {
            Form::Text => self.line(&format!("  {}", one_line(sentence))),
            Form::Markdown => self.line(&format!("- {}", escaped(sentence))),
        }
    }

    /// Writes a table.
    pub(super) fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        match self.form {
            Form::Text => self.aligned(columns, rows),
            Form::Markdown => {
                self.line(&format!("| {} |", columns.join(" | ")));
                self.line(&format!("|{}", "---|".repeat(columns.len())));
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
                    self.line(&format!("| {} |", cells.join(" | ")));
                }
            }
        }
    }

    /// Writes a table whose columns are aligned; the last one is as long as it is.
    fn aligned(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        let head: Vec<String> = columns.iter().map(|name| name.to_uppercase()).collect();
        let rows: Vec<Vec<String>> =
            std::iter::once(&head).chain(rows).map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
        let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns.len()).map(|at| width(at).unwrap_or_default()).collect();
        for row in &rows {
            let mut line = String::from(" ");
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(line, " {cell:width$} ");
            }
            self.line(line.trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Escapes what Markdown would take for something else than text.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for char in one_line(text).chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' | '!' => out.extend(['\\', char]),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_makes_no_markdown() {
        assert_eq!(escaped("a|b\n<img> [x](y) `z` __init__"), "a\\|b &lt;img> \\[x\\](y) \\`z\\` \\_\\_init\\_\\_");
    }

    #[test]
    fn columns_are_aligned() {
        let mut page = Page::new(Form::Text);
        page.table(&["a", "b"], &[vec!["long one".into(), "x".into()], vec!["s".into(), "y\nz".into()]]);
        assert_eq!(page.end(), "  A         B\n  long one  x\n  s         y z\n");
    }
}
