//! The names of the library, with signatures and documentation, read from its
//! sources: what completion and inspection know of it without an analyzer.

use crate::layout::has_word;
use crate::library::source_root;
use ra_ap_syntax::ast::{
    self, AstNode, HasAttrs, HasDocComments, HasModuleItem, HasName, HasVisibility,
};
use ra_ap_syntax::{Edition, SourceFile, SyntaxNode};
use std::path::Path;

/// One public name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// `function`, `struct`, `enum`, `trait`, `method`, `constant`, `macro`.
    pub kind: &'static str,
    /// The type whose method it is.
    pub of: Option<String>,
    /// The definition's head, in one line.
    pub signature: String,
    /// The documentation, in Markdown.
    pub docs: String,
}

/// The library's public names, sorted. Empty if its sources are not there.
pub fn of_library() -> Vec<Entry> {
    let Ok(root) = source_root() else { return vec![] };
    let library = root.join("src/pillars");
    let prelude = std::fs::read_to_string(library.join("prelude.rs")).unwrap_or_default();
    let mut entries = Vec::new();
    visit(&library, &mut entries);
    visit(&root.join("src/models"), &mut entries);
    // A cell can use what the prelude names, and the methods of such types.
    entries.retain(|entry| has_word(&prelude, entry.of.as_ref().unwrap_or(&entry.name)));
    entries.sort_by(|a, b| (&a.name, &a.of).cmp(&(&b.name, &b.of)));
    entries.dedup();
    entries
}

fn visit(dir: &Path, entries: &mut Vec<Entry>) {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in files.map(|file| file.path()) {
        if path.is_dir() {
            visit(&path, entries);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            entries.extend(of_source(&text));
        }
    }
}

/// The public names that a source file defines.
pub fn of_source(text: &str) -> Vec<Entry> {
    let file = SourceFile::parse(text, Edition::Edition2024).tree();
    let traits: Vec<ast::Trait> = file.items().filter_map(trait_of).collect();
    file.items().flat_map(|item| of_item(item, &traits)).collect()
}

fn trait_of(item: ast::Item) -> Option<ast::Trait> {
    match item {
        ast::Item::Trait(item) => Some(item).filter(is_public),
        _ => None,
    }
}

fn is_public<T: HasVisibility>(item: &T) -> bool {
    item.visibility().is_some_and(|visibility| visibility.syntax().text() == "pub")
}

/// `traits` are those of the same file: what they give to a type are its methods.
fn of_item(item: ast::Item, traits: &[ast::Trait]) -> Vec<Entry> {
    match item {
        ast::Item::Fn(item) => entry(&item, "function", None).into_iter().collect(),
        ast::Item::Struct(item) => entry(&item, "struct", None).into_iter().collect(),
        ast::Item::Enum(item) => entry(&item, "enum", None).into_iter().collect(),
        ast::Item::Trait(item) => entry(&item, "trait", None).into_iter().collect(),
        ast::Item::Const(item) => entry(&item, "constant", None).into_iter().collect(),
        ast::Item::Impl(item) => match item.trait_() {
            None => methods(&item, item.assoc_item_list(), true),
            Some(name) => {
                let name = name.syntax().text().to_string();
                let name = name.split('<').next().unwrap_or_default();
                let is_it = |it: &&ast::Trait| it.name().is_some_and(|it| it.text() == name);
                let found = traits.iter().find(is_it);
                found.map_or(vec![], |found| methods(&item, found.assoc_item_list(), false))
            }
        },
        _ => vec![],
    }
}

fn methods(item: &ast::Impl, list: Option<ast::AssocItemList>, own: bool) -> Vec<Entry> {
    let Some(of) = item.self_ty() else { return vec![] };
    let of = of.syntax().text().to_string();
    let of = of.split('<').next().unwrap_or_default().to_owned();
    let members = list.into_iter().flat_map(|list| list.assoc_items());
    let functions = members.filter_map(|member| match member {
        ast::AssocItem::Fn(function) if own => entry(&function, "method", Some(of.clone())),
        ast::AssocItem::Fn(function) => described(&function, "method", Some(of.clone())),
        _ => None,
    });
    functions.collect()
}

fn entry<T: HasName + HasVisibility + HasDocComments + HasAttrs>(
    item: &T,
    kind: &'static str,
    of: Option<String>,
) -> Option<Entry> {
    if is_public(item) { described(item, kind, of) } else { None }
}

fn described<T: HasName + HasDocComments>(
    item: &T,
    kind: &'static str,
    of: Option<String>,
) -> Option<Entry> {
    let docs: Vec<String> = item
        .doc_comments()
        .filter_map(|comment| comment.doc_comment().map(|(text, _)| text.trim().to_owned()))
        .collect();
    let name = item.name()?.text().to_string();
    Some(Entry { name, kind, of, signature: head(item.syntax()), docs: docs.join("\n") })
}

/// The definition without its body, attributes and comments, in one line.
fn head(node: &SyntaxNode) -> String {
    let text = node.text().to_string();
    let code = text.lines().filter(|line| {
        let line = line.trim();
        !line.starts_with("///") && !line.starts_with("#[") && !line.starts_with("//")
    });
    let code = code.map(str::trim).collect::<Vec<_>>().join(" ");
    let end = code.find(['{', ';']).unwrap_or(code.len());
    code[..end].trim().replace("( ", "(").replace(", )", ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
/// A queue.
#[derive(Clone)]
pub struct Queue { hidden: u8 }
impl Queue {
    /// With `c` servers.
    pub fn mmc(
        lambda: f64,
        servers: usize,
    ) -> Self { todo() }
    fn private(&self) {}
}
impl Drop for Queue { fn drop(&mut self) {} }
pub(crate) fn inner() {}
pub trait Tables {
    /// As a table.
    fn table(&self) -> Table;
}
impl Tables for Queue { fn table(&self) -> Table { todo() } }
";

    #[test]
    fn public_names_come_with_their_heads_and_documents() {
        let entries = of_source(SOURCE);
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["Queue", "mmc", "Tables", "table"]);
        assert_eq!((&*entries[3].docs, entries[3].of.as_deref()), ("As a table.", Some("Queue")));
        assert_eq!(entries[0].docs, "A queue.");
        assert_eq!(entries[1].signature, "pub fn mmc(lambda: f64, servers: usize) -> Self");
        assert_eq!(entries[1].of.as_deref(), Some("Queue"));
    }

    #[test]
    fn the_library_is_found_and_documented() {
        let entries = of_library();
        assert!(entries.iter().any(|entry| entry.name == "claim" && entry.kind == "function"));
        // A method that the model is given by a trait.
        let is_queues = |entry: &Entry| entry.of.as_deref() == Some("Queue");
        assert!(entries.iter().any(|entry| entry.name == "observe" && is_queues(entry)));
        let bare: Vec<_> = entries.iter().filter(|entry| entry.docs.is_empty()).collect();
        assert!(bare.is_empty(), "without documentation: {bare:?}");
    }
}
