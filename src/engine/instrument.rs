//! What is written into a reader's text before it is compiled, without moving a
//! line: ticks, at which an interrupt takes hold, and `pub`, so that definitions
//! can be used from other cells, whose code is in other crates.

use ra_ap_syntax::ast::{self, AstNode, HasAttrs, HasModuleItem, HasName, HasVisibility};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode, TextSize};
use std::collections::BTreeMap;

const TICK: &str = "::pillars::cell::tick();";
const BEFORE: &str = "fn cell() {\n";

/// The cell's text with ticks in its loops, functions and closures, and with its
/// definitions public. Text that does not parse comes back as it is.
pub fn instrument(code: &str) -> String {
    let text = format!("{BEFORE}{code}\n}}");
    let parse = SourceFile::parse(&text, Edition::Edition2024);
    if !parse.errors().is_empty() {
        return code.to_owned();
    }
    let mut edits = Edits::default();
    let file = parse.tree();
    let Some(ast::Item::Fn(cell)) = file.items().next() else { return code.to_owned() };
    let Some(body) = cell.body() else { return code.to_owned() };
    for node in body.syntax().descendants() {
        tick(&node, &mut edits);
    }
    for statement in body.statements() {
        if let ast::Stmt::Item(item) = statement {
            publish(&item, &mut edits);
        }
    }
    let text = edits.apply(&text);
    text[BEFORE.len()..text.len() - "\n}".len()].to_owned()
}

/// Changes to a text by offset: what is put there, and how many bytes it replaces.
#[derive(Default)]
struct Edits(BTreeMap<usize, (String, usize)>);

impl Edits {
    fn insert(&mut self, at: TextSize, text: &str) {
        self.0.entry(at.into()).or_default().0.push_str(text);
    }

    fn apply(self, text: &str) -> String {
        let mut changed = String::with_capacity(text.len() + 32 * self.0.len());
        let mut done = 0;
        for (at, (put, replaced)) in self.0 {
            changed.push_str(&text[done..at]);
            changed.push_str(&put);
            done = at + replaced;
        }
        changed.push_str(&text[done..]);
        changed
    }
}

fn tick(node: &SyntaxNode, edits: &mut Edits) {
    if let Some(body) = looping_body(node).or_else(|| function_body(node)) {
        if let Some(brace) = body.stmt_list().and_then(|list| list.l_curly_token())
            && !is_evaluated_by_compiler(node)
            && body.attrs().next().is_none()
        {
            edits.insert(brace.text_range().end(), TICK);
        }
    } else if let Some(closure) = ast::ClosureExpr::cast(node.clone())
        && let Some(body) = closure.body()
        && !is_evaluated_by_compiler(node)
    {
        match &body {
            ast::Expr::BlockExpr(block) if is_plain(block) => {
                if let Some(brace) = block.stmt_list().and_then(|list| list.l_curly_token()) {
                    edits.insert(brace.text_range().end(), TICK);
                }
            }
            _ => {
                edits.insert(body.syntax().text_range().start(), &format!("{{{TICK}"));
                edits.insert(body.syntax().text_range().end(), "}");
            }
        }
    }
}

fn is_plain(block: &ast::BlockExpr) -> bool {
    let words = [block.async_token(), block.const_token(), block.unsafe_token()];
    words.iter().all(Option::is_none) && block.label().is_none() && block.attrs().next().is_none()
}

fn looping_body(node: &SyntaxNode) -> Option<ast::BlockExpr> {
    match ast::Expr::cast(node.clone())? {
        ast::Expr::LoopExpr(expr) => ast::HasLoopBody::loop_body(&expr),
        ast::Expr::WhileExpr(expr) => ast::HasLoopBody::loop_body(&expr),
        ast::Expr::ForExpr(expr) => ast::HasLoopBody::loop_body(&expr),
        _ => None,
    }
}

/// The body of a function that may unwind: none of another language's convention.
fn function_body(node: &SyntaxNode) -> Option<ast::BlockExpr> {
    ast::Fn::cast(node.clone()).filter(|function| function.abi().is_none())?.body()
}

/// Whether code at this node may be run by the compiler, which knows no ticks.
fn is_evaluated_by_compiler(node: &SyntaxNode) -> bool {
    node.ancestors().any(|node| match node.kind() {
        SyntaxKind::CONST
        | SyntaxKind::STATIC
        | SyntaxKind::CONST_ARG
        | SyntaxKind::VARIANT
        | SyntaxKind::ARRAY_TYPE => true,
        SyntaxKind::FN => ast::Fn::cast(node).is_some_and(|item| item.const_token().is_some()),
        SyntaxKind::BLOCK_EXPR => {
            ast::BlockExpr::cast(node).is_some_and(|block| block.const_token().is_some())
        }
        // `[x; N]`: the whole of it, for simplicity.
        SyntaxKind::ARRAY_EXPR => {
            ast::ArrayExpr::cast(node).is_some_and(|array| array.semicolon_token().is_some())
        }
        _ => false,
    })
}

/// Makes a definition and its parts public.
fn publish(item: &ast::Item, edits: &mut Edits) {
    match item {
        ast::Item::Struct(item) => {
            visible(item, edits);
            fields(item.field_list(), edits);
        }
        ast::Item::Union(item) => {
            visible(item, edits);
            fields(item.record_field_list().map(ast::FieldList::from), edits);
        }
        ast::Item::Enum(item) => visible(item, edits),
        ast::Item::Fn(item) => visible(item, edits),
        ast::Item::Const(item) => visible(item, edits),
        ast::Item::Static(item) => visible(item, edits),
        ast::Item::TypeAlias(item) => visible(item, edits),
        ast::Item::Trait(item) => visible(item, edits),
        ast::Item::Module(item) => {
            visible(item, edits);
            for visibility in item.syntax().descendants().filter_map(ast::Visibility::cast) {
                whole(&visibility, edits);
            }
        }
        ast::Item::Impl(item) if item.trait_().is_none() => {
            for member in item.assoc_item_list().into_iter().flat_map(|list| list.assoc_items()) {
                match member {
                    ast::AssocItem::Fn(member) => visible(&member, edits),
                    ast::AssocItem::Const(member) => visible(&member, edits),
                    ast::AssocItem::TypeAlias(member) => visible(&member, edits),
                    ast::AssocItem::MacroCall(_) => {}
                }
            }
        }
        ast::Item::ExternBlock(item) => {
            for member in item.extern_item_list().into_iter().flat_map(|list| list.extern_items()) {
                match member {
                    ast::ExternItem::Fn(member) => visible(&member, edits),
                    ast::ExternItem::Static(member) => visible(&member, edits),
                    ast::ExternItem::TypeAlias(member) => visible(&member, edits),
                    ast::ExternItem::MacroCall(_) => {}
                }
            }
        }
        ast::Item::MacroRules(item) => {
            let exported =
                item.attrs().any(|attribute| attribute.syntax().text() == "#[macro_export]");
            if let (false, Some(token)) = (exported, item.macro_rules_token()) {
                edits.insert(token.text_range().start(), "#[macro_export] ");
            }
        }
        _ => {}
    }
}

fn fields(list: Option<ast::FieldList>, edits: &mut Edits) {
    match list {
        Some(ast::FieldList::RecordFieldList(list)) => {
            list.fields().for_each(|field| visible(&field, edits));
        }
        Some(ast::FieldList::TupleFieldList(list)) => {
            list.fields().for_each(|field| visible(&field, edits));
        }
        None => {}
    }
}

/// Makes it `pub`, whatever it says of itself.
fn visible(node: &(impl HasVisibility + HasAttrs), edits: &mut Edits) {
    if let Some(visibility) = node.visibility() {
        return whole(&visibility, edits);
    }
    let before = |part: &NodeOrToken<SyntaxNode, _>| match part {
        NodeOrToken::Node(node) => ast::Attr::can_cast(node.kind()),
        NodeOrToken::Token(token) => {
            let token: &ra_ap_syntax::SyntaxToken = token;
            matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT)
        }
    };
    if let Some(first) = node.syntax().children_with_tokens().find(|part| !before(part)) {
        edits.insert(first.text_range().start(), "pub ");
    }
}

/// `pub(crate)` -> `pub`
fn whole(visibility: &ast::Visibility, edits: &mut Edits) {
    let range = visibility.syntax().text_range();
    edits.0.insert(range.start().into(), ("pub".to_owned(), range.len().into()));
}

/// The name of a definition, and what else the books need to know of it.
pub fn name_of(item: &ast::Item) -> Option<String> {
    let name = match item {
        ast::Item::Struct(item) => item.name(),
        ast::Item::Enum(item) => item.name(),
        ast::Item::Union(item) => item.name(),
        ast::Item::TypeAlias(item) => item.name(),
        ast::Item::Fn(item) => item.name(),
        ast::Item::Const(item) => item.name(),
        ast::Item::Static(item) => item.name(),
        ast::Item::Trait(item) => item.name(),
        ast::Item::Module(item) => item.name(),
        ast::Item::MacroRules(item) => item.name(),
        _ => None,
    };
    name.map(|name| name.text().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `@` stands for a tick.
    #[test]
    fn ticks_stand_where_code_can_run_long_and_nowhere_else() {
        for (code, expected) in [
            ("loop { a(); }", "loop {@ a(); }"),
            ("for x in v {\n}", "for x in v {@\n}"),
            ("while a { while b {} }", "while a {@ while b {@} }"),
            ("v.map(|x| x + 1);", "v.map(|x| {@x + 1});"),
            ("v.map(|x| { x });", "v.map(|x| {@ x });"),
            ("spawn(async move { loop {} });", "spawn(async move { loop {@} });"),
            ("const fn f() { loop {} }", "pub const fn f() { loop {} }"),
            ("const A: [u8; { loop {} }] = [];", "pub const A: [u8; { loop {} }] = [];"),
            ("let a = [0; { loop {} }];", "let a = [0; { loop {} }];"),
            ("unsafe extern \"C\" fn f() { }", "pub unsafe extern \"C\" fn f() { }"),
            ("fn broken( {", "fn broken( {"),
        ] {
            assert_eq!(instrument(code), expected.replace('@', TICK), "{code}");
        }
    }

    #[test]
    fn definitions_are_public_to_their_fields_and_methods() {
        for (code, expected) in [
            (
                "struct P { x: i32, /// y\n  y: i32 }",
                "pub struct P { pub x: i32, /// y\n  pub y: i32 }",
            ),
            (
                "#[derive(Debug)]\nstruct P(i32, pub(crate) i32);",
                "#[derive(Debug)]\npub struct P(pub i32, pub i32);",
            ),
            ("enum E { A(i32) }", "pub enum E { A(i32) }"),
            ("impl P { const A: i32 = 1; }", "impl P { pub const A: i32 = 1; }"),
            ("impl T for P { const A: i32 = 1; }", "impl T for P { const A: i32 = 1; }"),
            ("trait T { fn f(&self); }", "pub trait T { fn f(&self); }"),
            ("pub static A: u8 = 1;", "pub static A: u8 = 1;"),
            ("macro_rules! m { () => {} }", "#[macro_export] macro_rules! m { () => {} }"),
            ("mod m { pub(super) const A: u8 = 1; }", "pub mod m { pub const A: u8 = 1; }"),
            ("{ struct Hidden { x: i32 } }", "{ struct Hidden { x: i32 } }"),
        ] {
            assert_eq!(instrument(code), expected, "{code}");
        }
    }

    #[test]
    fn no_line_moves() {
        let code = "fn f() {\n    for x in 0..3 {\n        g(|y| y + x);\n    }\n}\n\nstruct S {\n    a: u8,\n}";
        assert_eq!(instrument(code).lines().count(), code.lines().count());
    }
}
