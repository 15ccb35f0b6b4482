//! A cell's text, taken apart by rust-analyzer's parser: commands, items,
//! statements, the last expression, and the names its `let`s bind.

use crate::instrument::name_of;
use ra_ap_syntax::ast::{self, AstNode, HasGenericParams, HasModuleItem, HasName};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode, TextRange, TextSize};
use std::borrow::Cow;

/// A part of the cell's text: where it stands, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Zero-based line of the cell at which it begins.
    pub line: usize,
    /// The text; its first line is padded, so that columns are those of the cell.
    pub text: String,
}

/// A definition: function, type, trait, implementation, import, macro, ...
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its text and place.
    pub piece: Piece,
    /// The name it defines, if it has one.
    pub name: Option<String>,
    /// What it defines.
    pub kind: Kind,
}

/// What an item defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain function, which no type depends on.
    Function,
    /// A structure, enumeration, union, alias, constant, module or macro: something
    /// that the form of a value can depend on.
    Type,
    /// A trait.
    Trait,
    /// A static.
    Static,
    /// An implementation, with the words of its head: those of the type first.
    Implementation(Vec<String>),
    /// An import, with the names it brings; none for all of a module.
    Import(Vec<String>),
    /// Anything else.
    Other,
}

/// A name bound by a top-level `let`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name.
    pub name: String,
    /// Whether it was declared `mut`.
    pub mutable: bool,
}

/// A cell, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The commands that lead the cell: `:dep ...`, `!ls`.
    pub commands: Vec<String>,
    /// Attributes of the whole program: `#![allow(..)]`.
    pub attributes: Vec<String>,
    /// Definitions, in order.
    pub items: Vec<Item>,
    /// All statements but the last expression.
    pub statements: Option<Piece>,
    /// The expression whose value the cell shows.
    pub tail: Option<Piece>,
    /// Names bound at top level, the last binding of each.
    pub bindings: Vec<Binding>,
    /// Names bound to a closure without a type: these cannot be kept.
    pub closures: Vec<String>,
    /// Whether it waits (`.await`) outside of any `async`.
    pub awaits: bool,
    /// Whether the parser found errors; rustc is then asked for the words.
    pub has_errors: bool,
}

impl Split {
    /// The cell's text with its commands made blank.
    pub fn without_commands(&self, code: &str) -> String {
        take_commands(code).1
    }
}

const BEFORE: &str = "fn cell() {\n";

/// Takes a cell apart.
pub fn split(code: &str) -> Split {
    let (commands, code) = take_commands(code);
    let text = format!("{BEFORE}{code}\n}}");
    let parse = SourceFile::parse(&text, Edition::Edition2024);
    let has_errors = !parse.errors().is_empty();
    let mut split = Split { commands, has_errors, ..Split::default() };
    let file = parse.tree();
    let body = file.items().next().and_then(|item| match item {
        ast::Item::Fn(function) => function.body()?.stmt_list(),
        _ => None,
    });
    let Some(body) = body else { return split };

    let mut rest = text.clone().into_bytes();
    blank(&mut rest, TextRange::up_to(TextSize::of(BEFORE)));
    let end = body.r_curly_token().map_or(TextSize::of(&*text), |brace| brace.text_range().start());
    blank(&mut rest, TextRange::new(end, TextSize::of(&*text)));
    for attribute in body.syntax().children().filter_map(ast::Attr::cast) {
        if attribute.excl_token().is_some() {
            blank(&mut rest, attribute.syntax().text_range());
            split.attributes.push(attribute.syntax().text().to_string());
        }
    }
    split.awaits = body.syntax().descendants().any(|node| awaits_outside_async(&node));
    let tail = body.tail_expr().filter(|tail| !has_errors && !is_braced_macro(tail));
    let place = |range: TextRange| piece(&text, range);
    for statement in body.statements() {
        match statement {
            ast::Stmt::Item(item) => {
                blank(&mut rest, item.syntax().text_range());
                split.items.push(describe(&item, place(item.syntax().text_range())));
            }
            ast::Stmt::LetStmt(statement) => note_bindings(&statement, &mut split),
            ast::Stmt::ExprStmt(_) => {}
        }
    }
    if let Some(tail) = &tail {
        let range = without_leading_comments(tail.syntax());
        blank(&mut rest, range);
        split.tail = Some(place(range));
    }
    let rest = String::from_utf8(rest).unwrap_or_default();
    if !is_only_comments(&rest) {
        let text = rest[BEFORE.len()..].trim_end().to_owned();
        split.statements = Some(Piece { line: 0, text });
    }
    split
}

/// The commands that lead a cell, and the cell with them made blank.
fn take_commands(code: &str) -> (Vec<String>, String) {
    let mut commands = Vec::new();
    let mut rest: Vec<Cow<str>> = Vec::new();
    let mut leading = true;
    for line in code.split('\n') {
        let trimmed = line.trim();
        let command = trimmed.strip_prefix("//# ").unwrap_or(trimmed);
        let is_command = command.starts_with('?')
            || command.starts_with(':') && !command.starts_with("::")
            || command.starts_with('!') && command[1..].starts_with(char::is_alphabetic);
        if leading && is_command {
            commands.push(command.to_owned());
            // As long as it was: places in the text stay.
            rest.push(" ".repeat(line.len()).into());
        } else {
            leading &= trimmed.is_empty() || trimmed.starts_with("//");
            rest.push(line.into());
        }
    }
    (commands, rest.join("\n"))
}

/// Overwrites a range by blanks; line ends stay, so that lines keep their numbers.
fn blank(text: &mut [u8], range: TextRange) {
    for byte in &mut text[usize::from(range.start())..usize::from(range.end())] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn piece(text: &str, range: TextRange) -> Piece {
    let start = usize::from(range.start());
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[..start].matches('\n').count() - 1;
    let padding = " ".repeat(text[line_start..start].chars().count());
    let end = usize::from(range.end());
    Piece { line, text: format!("{padding}{}", &text[start..end]) }
}

/// `thread_local! { .. }` and the like: these define, and have no value.
fn is_braced_macro(tail: &ast::Expr) -> bool {
    let ast::Expr::MacroExpr(tail) = tail else { return false };
    let tokens = tail.macro_call().and_then(|call| call.token_tree());
    tokens.is_some_and(|tokens| tokens.l_curly_token().is_some())
}

fn awaits_outside_async(node: &SyntaxNode) -> bool {
    let is_async = |node: SyntaxNode| match ast::Expr::cast(node) {
        Some(ast::Expr::BlockExpr(block)) => block.async_token().is_some(),
        Some(ast::Expr::ClosureExpr(closure)) => closure.async_token().is_some(),
        _ => false,
    };
    // The outermost function is the one around the cell.
    let functions = |node: &SyntaxNode| node.ancestors().filter_map(ast::Fn::cast).count();
    ast::AwaitExpr::can_cast(node.kind()) && functions(node) == 1 && !node.ancestors().any(is_async)
}

/// Comments before an expression belong to its node; they are left out, so that
/// the piece begins at code.
fn without_leading_comments(node: &SyntaxNode) -> TextRange {
    let trivia = |kind| matches!(kind, SyntaxKind::WHITESPACE | SyntaxKind::COMMENT);
    let first = node.children_with_tokens().find(|part| match part {
        NodeOrToken::Node(_) => true,
        NodeOrToken::Token(token) => !trivia(token.kind()),
    });
    let start = first.map_or(node.text_range().start(), |part| part.text_range().start());
    TextRange::new(start, node.text_range().end())
}

fn is_only_comments(text: &str) -> bool {
    let parse = SourceFile::parse(text, Edition::Edition2024);
    let mut tokens =
        parse.tree().syntax().descendants_with_tokens().filter_map(NodeOrToken::into_token);
    tokens.all(|token| matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
}

fn describe(item: &ast::Item, piece: Piece) -> Item {
    let kind = match item {
        ast::Item::Fn(item) if item.const_token().is_none() => Kind::Function,
        ast::Item::Struct(_)
        | ast::Item::Enum(_)
        | ast::Item::Union(_)
        | ast::Item::TypeAlias(_)
        | ast::Item::Fn(_)
        | ast::Item::Const(_)
        | ast::Item::Module(_)
        | ast::Item::MacroRules(_) => Kind::Type,
        ast::Item::Trait(_) => Kind::Trait,
        ast::Item::Static(_) => Kind::Static,
        ast::Item::Impl(item) => {
            let generics = item.generic_param_list().map(|list| list.syntax().clone());
            let parts = [item.self_ty(), item.trait_()].into_iter().flatten();
            let parts = parts.map(|part| part.syntax().clone()).chain(generics);
            let words = parts.flat_map(|part| words(&part.text().to_string()).into_iter());
            Kind::Implementation(words.collect())
        }
        ast::Item::Use(item) => {
            Kind::Import(item.use_tree().map(|tree| imported(&tree)).unwrap_or_default())
        }
        _ => Kind::Other,
    };
    Item { piece, name: name_of(item), kind }
}

/// The names that a tree of imports brings into scope.
fn imported(tree: &ast::UseTree) -> Vec<String> {
    if let Some(list) = tree.use_tree_list() {
        let path = tree.path();
        let last = path.as_ref().and_then(last_name);
        let each = list.use_trees().flat_map(|tree| imported(&tree));
        return each
            .map(|name| if name == "self" { last.clone().unwrap_or(name) } else { name })
            .collect();
    }
    if let Some(rename) = tree.rename() {
        return rename.name().map(|name| name.text().to_string()).into_iter().collect();
    }
    if tree.star_token().is_some() {
        return vec![];
    }
    tree.path().as_ref().and_then(last_name).into_iter().collect()
}

fn last_name(path: &ast::Path) -> Option<String> {
    Some(path.segment()?.syntax().text().to_string())
}

/// The words of a text, in order: identifiers and keywords in code, in macros and in
/// format strings.
pub fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

fn note_bindings(statement: &ast::LetStmt, split: &mut Split) {
    let Some(pattern) = statement.pat() else { return };
    let is_closure = matches!(statement.initializer(), Some(ast::Expr::ClosureExpr(_)))
        && statement.ty().is_none();
    for node in pattern.syntax().descendants() {
        let Some(ident) = ast::IdentPat::cast(node) else { continue };
        let Some(name) = ident.name().map(|name| name.text().to_string()) else { continue };
        // Within a pattern, `None` and constants look like bindings to a parser.
        let is_whole = ident.syntax() == pattern.syntax();
        if name.starts_with(char::is_uppercase) && !is_whole {
            continue;
        }
        split.bindings.retain(|binding| binding.name != name);
        split.closures.retain(|closure| *closure != name);
        if is_closure {
            split.closures.push(name.clone());
        }
        split.bindings.push(Binding { name, mutable: ident.mut_token().is_some() });
    }
}

/// Whether a cell's text is whole, judged by its brackets, strings and comments;
/// if not, the indent of the line to follow.
pub fn open_brackets(code: &str) -> Option<usize> {
    let parse = SourceFile::parse(code, Edition::Edition2024);
    let mut depth = 0usize;
    let tokens =
        parse.tree().syntax().descendants_with_tokens().filter_map(NodeOrToken::into_token);
    for token in tokens {
        let text = token.text();
        match token.kind() {
            SyntaxKind::L_CURLY | SyntaxKind::L_PAREN | SyntaxKind::L_BRACK => depth += 1,
            SyntaxKind::R_CURLY | SyntaxKind::R_PAREN | SyntaxKind::R_BRACK => {
                depth = depth.checked_sub(1)?;
            }
            SyntaxKind::COMMENT if text.starts_with("/*") && !text.ends_with("*/") => {
                return Some(0);
            }
            SyntaxKind::STRING | SyntaxKind::BYTE_STRING | SyntaxKind::C_STRING => {
                let quotes = text.trim_end_matches('#');
                if !quotes.ends_with('"') || quotes.matches('"').count() < 2 {
                    return Some(0);
                }
            }
            _ => {}
        }
    }
    (depth > 0).then_some(4 * depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(piece: &Option<Piece>) -> &str {
        piece.as_ref().map_or("", |piece| piece.text.trim())
    }

    #[test]
    fn each_part_of_a_cell_is_found() {
        let cases: [(&str, usize, &str, &str, &[&str]); 12] = [
            ("", 0, "", "", &[]),
            ("// only a comment", 0, "", "", &[]),
            ("1 + 1", 0, "", "1 + 1", &[]),
            ("let a = 1;", 0, "let a = 1;", "", &["a"]),
            ("let (a, mut b) = (1, 2); a", 0, "let (a, mut b) = (1, 2);", "a", &["a", "b"]),
            (
                "let Some(x) = y else { panic!() };",
                0,
                "let Some(x) = y else { panic!() };",
                "",
                &["x"],
            ),
            ("let P { x, y: z } = p;", 0, "let P { x, y: z } = p;", "", &["x", "z"]),
            ("fn f() -> i32 { 1 }\nf()", 1, "", "f()", &[]),
            ("use std::fmt;\nstruct P;\nimpl P {}", 3, "", "", &[]),
            ("{ let hidden = 1; }", 0, "", "{ let hidden = 1; }", &[]),
            ("println!(\"é {}\", 1);", 0, "println!(\"é {}\", 1);", "", &[]),
            ("let x = 1; let x = \"s\"; x", 0, "let x = 1; let x = \"s\";", "x", &["x"]),
        ];
        for (code, items, statements, tail, bindings) in cases {
            let split = split(code);
            assert_eq!(split.items.len(), items, "items of {code:?}");
            assert_eq!(text(&split.statements), statements, "statements of {code:?}");
            assert_eq!(text(&split.tail), tail, "tail of {code:?}");
            let names: Vec<_> = split.bindings.iter().map(|b| b.name.as_str()).collect();
            assert_eq!(names, bindings, "bindings of {code:?}");
            assert!(!split.has_errors, "{code:?}");
        }
    }

    #[test]
    fn pieces_keep_their_lines_and_columns() {
        let split = split("// é\nlet a = 1; fn f() {}\n\n  a + 1 // last\n");
        let statements = split.statements.unwrap();
        assert_eq!(statements.text.lines().nth(1).map(str::trim_end), Some("let a = 1;"));
        let tail = split.tail.unwrap();
        assert_eq!((tail.line, tail.text.as_str()), (3, "  a + 1"));
        let item = &split.items[0];
        assert_eq!((item.piece.line, item.piece.text.as_str()), (1, "           fn f() {}"));
        assert_eq!(item.name.as_deref(), Some("f"));
    }

    #[test]
    fn commands_lead_a_cell_also_in_the_comment_form() {
        let split =
            split(":dep rand = \"0.9\"\n//# :vars\n\n!ls\nlet a = ::std::mem::size_of::<u8>();");
        assert_eq!(split.commands, [":dep rand = \"0.9\"", ":vars", "!ls"]);
        assert_eq!(split.bindings.len(), 1);
        assert!(!split.has_errors);
        assert!(super::split("::std::process::id()").commands.is_empty());
        assert_eq!(super::split("?vec").commands, ["?vec"]);
    }

    #[test]
    fn a_capital_is_a_variable_only_where_it_is_the_whole_pattern() {
        let names = |code| split(code).bindings.into_iter().map(|b| b.name).collect::<Vec<_>>();
        assert_eq!(names("let N = 100;"), ["N"]);
        assert_eq!(names("let (None, x) = y else { return };"), ["x"]);
    }

    #[test]
    fn what_belongs_around_or_outside_of_the_code_is_told_apart() {
        assert_eq!(split("#![allow(dead_code)]\n1").attributes, ["#![allow(dead_code)]"]);
        assert!(split("thread_local! { static X: u8 = 1; }").tail.is_none());
        assert!(split("vec![1]").tail.is_some());
        for (code, awaits) in [
            ("f().await", true),
            ("async fn f() { g().await }", false),
            ("run(async { g().await })", false),
        ] {
            assert_eq!(split(code).awaits, awaits, "{code}");
        }
    }

    #[test]
    fn broken_text_is_known_as_such() {
        for code in ["let = 3;", "fn f( {", "1 +", "let x = 5 let y = 6;", "}"] {
            assert!(split(code).has_errors, "{code:?}");
        }
    }

    #[test]
    fn an_unfinished_cell_says_how_far_to_indent() {
        let cases = [
            ("fn f() {", Some(4)),
            ("foo(\n  [1,", Some(8)),
            ("let s = \"abc", Some(0)),
            ("/* comment", Some(0)),
            ("let s = r#\"abc", Some(0)),
            ("let a = 1;", None),
            ("f(\")\")", None),
            ("}", None),
            ("let s = \"{\";", None),
        ];
        for (code, indent) in cases {
            assert_eq!(open_brackets(code), indent, "{code:?}");
        }
    }

    #[test]
    fn closures_are_noticed_unless_boxed_or_typed() {
        assert_eq!(split("let f = |x: i32| x + 1;").closures, ["f"]);
        assert!(split("let f: fn(i32) -> i32 = |x| x + 1;").closures.is_empty());
        assert!(split("let f = Box::new(|x: i32| x + 1);").closures.is_empty());
    }
}
