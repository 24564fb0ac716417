//! Shaders for one shape: constants are set and loops over them written out, so that arrays indexed in such loops become
//! registers. Drivers unroll small loops by themselves and large ones not; lavapipe reads an array that a loop walks
//! through memory, a lane at a time (measured: six times slower).

use std::fmt::Write;

/// `source` with every `const NAME = …u;` of `constants` set, and every `for (var i = 0u; i < NAME; i += 1u) { … }` over
/// one of them written out. Loops and constants of other names stay.
pub(super) fn specialize(source: &str, constants: &[(&str, u32)]) -> String {
    let mut text = source.to_owned();
    for (name, value) in constants {
        let start = format!("const {name} = ");
        if let Some(at) = text.find(&start) {
            let from = at + start.len();
            let len = text[from..].find(';').unwrap_or(0);
            text.replace_range(from..from + len, &format!("{value}u"));
        }
    }
    let mut out = String::new();
    unroll(&text, constants, &mut out);
    out
}

/// Whether [`specialize`] sets `name`; an `override` is left to the pipeline.
pub(super) fn has_constant(source: &str, name: &str) -> bool {
    source.contains(&format!("const {name} = "))
}

fn unroll(text: &str, constants: &[(&str, u32)], out: &mut String) {
    let mut rest = text;
    while let Some(found) = find_loop(rest, constants) {
        let Loop { start, variable, count, body, end } = found;
        out.push_str(&rest[..start]);
        for i in 0..count {
            out.push('{');
            unroll(&replace_word(body, variable, &format!("{i}u")), constants, out);
            out.push('}');
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
}

struct Loop<'a> {
    start: usize,
    variable: &'a str,
    count: u32,
    body: &'a str,
    /// Behind the closing brace.
    end: usize,
}

/// The first loop over one of `constants`.
fn find_loop<'a>(text: &'a str, constants: &[(&str, u32)]) -> Option<Loop<'a>> {
    const HEAD: &str = "for (var ";
    text.match_indices(HEAD).find_map(|(start, _)| {
        let rest = &text[start + HEAD.len()..];
        let (variable, _) = rest.split_once(" = 0u; ")?;
        let &(name, count) = constants.iter().find(|(name, _)| {
            rest.starts_with(&format!("{variable} = 0u; {variable} < {name}; {variable} += 1u) {{"))
        })?;
        let head = format!("{variable} = 0u; {variable} < {name}; {variable} += 1u) {{").len();
        let body = &rest[head..];
        let mut depth = 1;
        let close = body.find(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        })?;
        let end = start + HEAD.len() + head + close + 1;
        Some(Loop { start, variable, count, body: &body[..close], end })
    })
}

/// `text` with `word` replaced where it stands alone.
fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut last = ' ';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.strip_prefix(word).filter(|after| !after.starts_with(is_name));
        match after {
            Some(after) if !is_name(last) && last != '.' => {
                let _ = write!(out, "{by}");
                rest = after;
                last = ' ';
            }
            _ => {
                out.push(c);
                last = c;
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::specialize;

    #[test]
    fn loops_over_constants_are_written_out() {
        let source = "const N = 9u;\nfor (var k = 0u; k < N; k += 1u) { a[k] = kk + b.k; for (var c = 0u; c < M; c += 1u) { d(k, c); } }";
        let expected = "const N = 2u;\n{ a[0u] = kk + b.k; for (var c = 0u; c < M; c += 1u) { d(0u, c); } }{ a[1u] = kk + b.k; for (var c = 0u; c < M; c += 1u) { d(1u, c); } }";
        assert_eq!(specialize(source, &[("N", 2)]), expected);
    }

    #[test]
    fn loops_inside_each_other_are_written_out() {
        let source = "for (var k = 0u; k < N; k += 1u) {for (var c = 0u; c < M; c += 1u) {f(k,c);}}";
        assert_eq!(specialize(source, &[("N", 2), ("M", 1)]), "{{f(0u,0u);}}{{f(1u,0u);}}");
    }
}
