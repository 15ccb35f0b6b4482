//! Which cell's definitions go to which crate, and what follows when one is defined
//! anew.

use super::unit::{Definition, Unit, Use, head, identity, is_of_trait, methods};
use super::{Changes, Units};
use crate::compiler::Compiler;
use crate::language::quoted;
use crate::split::{Kind, Split, words};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Units {
    /// Sorts the definitions into crates, and returns those that are new or changed.
    pub(super) fn take_in(
        &mut self,
        split: &Split,
        ready: &Split,
        cell: u32,
        changes: &mut Changes,
    ) -> BTreeSet<String> {
        let mut definitions = Vec::new();
        for (plain, ready) in split.items.iter().zip(&ready.items) {
            let words: BTreeSet<String> = words(&plain.piece.text).into_iter().collect();
            if let Kind::Import(names) = &plain.kind {
                let text = Arc::from(plain.piece.text.trim());
                let line = plain.piece.line + 1;
                self.import(Use { text, names: names.clone(), words, cell, line });
                continue;
            }
            let text = ready.piece.text.clone();
            definitions.push(Arc::new(Definition { plain: plain.clone(), text, words, cell }));
        }
        let defined: BTreeSet<String> =
            definitions.iter().filter_map(|each| each.plain.name.clone()).collect();
        // An import of the same name is out of force, as in a block.
        self.uses.retain(|each| {
            each.cell == cell || !each.names.iter().any(|name| defined.contains(name))
        });

        let mut groups: Vec<Vec<Arc<Definition>>> = vec![vec![]];
        let mut changed = BTreeSet::new();
        for definition in definitions {
            if let Some(owner) = self.owner(&definition, &defined) {
                self.attach(&owner, definition);
                changed.insert(owner);
            } else if definition.plain.kind == Kind::Static
                && definition.words.iter().filter(|word| defined.contains(*word)).count() == 1
            {
                groups.push(vec![definition]);
            } else {
                groups[0].push(definition);
            }
        }
        for group in groups.into_iter().filter(|group| !group.is_empty()).rev() {
            changed.insert(self.found(group));
        }
        // An implementation may use what its cell defines.
        for name in changed.clone() {
            self.import_into(&name);
        }
        changed = changed.into_iter().map(|name| self.untangle(&name, changes)).collect();
        changed.retain(|name| self.units.contains_key(name));
        changed
    }

    fn import(&mut self, new: Use) {
        for name in &new.names {
            self.live.remove(name);
        }
        self.uses.retain(|old| {
            old.text != new.text
                && (old.names.is_empty() || !old.names.iter().all(|name| new.names.contains(name)))
        });
        self.uses.push(new);
    }

    /// The crate that an implementation belongs to, if it is not the cell's own.
    fn owner(&self, definition: &Definition, defined: &BTreeSet<String>) -> Option<String> {
        let Kind::Implementation(head) = &definition.plain.kind else { return None };
        if head.iter().any(|word| defined.contains(word)) {
            return None;
        }
        head.iter().find_map(|word| self.live.get(word)).cloned()
    }

    /// Adds an implementation to a crate, in place of an earlier one of the same head
    /// (and, if it is of a type's own methods, of one of these methods).
    fn attach(&mut self, owner: &str, definition: Arc<Definition>) {
        let Some(unit) = self.units.get_mut(owner) else { return };
        let unit = Arc::make_mut(unit);
        let replaces = |old: &Arc<Definition>| {
            head(old) == head(&definition)
                && (is_of_trait(old)
                    || methods(old).intersection(&methods(&definition)).next().is_some())
        };
        unit.attached.retain(|old| !replaces(old));
        unit.base
            .retain(|old| !(matches!(old.plain.kind, Kind::Implementation(_)) && replaces(old)));
        unit.attached.push(definition);
    }

    /// A crate of these definitions; the one that is there if they are of the same form.
    fn found(&mut self, base: Vec<Arc<Definition>>) -> String {
        let mut unit = Unit { base, attached: vec![], imports: BTreeMap::new(), uses: vec![] };
        self.fill_in(&mut unit, None);
        let name = identity(&unit);
        let names: Vec<String> = unit.names().cloned().collect();
        // What others have added to the types of these names stays with the names.
        let mut before: Vec<&String> =
            names.iter().filter_map(|each| self.live.get(each)).collect();
        before.sort();
        before.dedup();
        let kept = before
            .into_iter()
            .chain(std::iter::once(&name))
            .filter_map(|each| self.units.get(each));
        let mut attached: Vec<Arc<Definition>> = Vec::new();
        for definition in kept.flat_map(|unit| &unit.attached) {
            let Kind::Implementation(words) = &definition.plain.kind else { continue };
            let is_meant = words.iter().any(|word| names.contains(word));
            let is_there = unit.base.iter().chain(&attached).any(|each| {
                head(each) == head(definition)
                    && (is_of_trait(each)
                        || methods(each).intersection(&methods(definition)).next().is_some())
            });
            if is_meant && !is_there {
                attached.push(definition.clone());
            }
        }
        unit.attached = attached;
        // Functions beside the same types, which this cell does not mention, stay.
        if let Some(old) = self.units.get(&name) {
            let stays = |each: &&Arc<Definition>| {
                let Some(word) = &each.plain.name else { return false };
                each.plain.kind == Kind::Function
                    && !names.contains(word)
                    && self.live.get(word) == Some(&name)
            };
            unit.base.extend(old.base.iter().filter(stays).cloned());
        }
        self.units.insert(name.clone(), Arc::new(unit));
        for each in names {
            self.live.insert(each, name.clone());
        }
        name
    }

    fn import_into(&mut self, name: &str) {
        let Some(unit) = self.units.get(name) else { return };
        let mut unit = Unit::clone(unit);
        self.fill_in(&mut unit, Some(name));
        self.units.insert(name.to_owned(), Arc::new(unit));
    }

    /// Finds what a crate takes from others, and which of the reader's imports it needs.
    fn fill_in(&self, unit: &mut Unit, own: Option<&str>) {
        let names: BTreeSet<String> = unit.names().cloned().collect();
        let mut words: BTreeSet<String> =
            unit.definitions().flat_map(|each| each.words.iter().cloned()).collect();
        let mut uses = Vec::new();
        for each in &self.uses {
            let needed =
                each.names.is_empty() || each.names.iter().any(|name| words.contains(name));
            // A trait that is imported is needed by its methods, whose names nobody knows.
            let may_be_trait = each.names.iter().any(|name| name.starts_with(char::is_uppercase));
            let is_session = each.words.iter().any(|word| self.live.contains_key(word));
            if (needed || may_be_trait && !is_session)
                && !each.names.iter().any(|name| names.contains(name))
            {
                uses.push(each.clone());
            }
        }
        for each in &uses {
            words.extend(each.words.iter().cloned());
        }
        unit.uses = uses;
        let wanted = self.closure(&words, own);
        let others = wanted.into_iter().filter(|name| !names.contains(name)).filter_map(|name| {
            let from = self.live.get(&name)?.clone();
            (Some(&*from) != own).then_some((name, from))
        });
        unit.imports = others.collect();
    }

    /// The names in force among these words, with all that macros among them name, and
    /// all traits, whose methods are called without naming them.
    pub(super) fn closure(&self, words: &BTreeSet<String>, own: Option<&str>) -> BTreeSet<String> {
        let mut wanted: BTreeSet<String> =
            words.iter().filter(|word| self.live.contains_key(*word)).cloned().collect();
        let mut open: Vec<String> = wanted.iter().cloned().collect();
        while let Some(name) = open.pop() {
            let Some(definition) = self.definition(&name) else { continue };
            if definition.text.contains("macro_rules") {
                for word in definition.words.iter().filter(|word| self.live.contains_key(*word)) {
                    if wanted.insert(word.clone()) {
                        open.push(word.clone());
                    }
                }
            }
        }
        let traits = self.live.iter().filter(|(name, unit)| {
            self.definition(name).is_some_and(|each| each.plain.kind == Kind::Trait)
                && Some(unit.as_str()) != own
                // One that depends on this crate is of no use in it.
                && own.is_none_or(|own| !self.depends(unit, own))
        });
        wanted.extend(traits.map(|(name, _)| name.clone()));
        wanted
    }

    pub(super) fn definition(&self, name: &str) -> Option<&Arc<Definition>> {
        let unit = self.units.get(self.live.get(name)?)?;
        unit.definitions().find(|each| each.plain.name.as_deref() == Some(name))
    }

    /// Whether crate `one` imports `other`, by whatever way.
    pub(super) fn depends(&self, one: &str, other: &str) -> bool {
        let (mut open, mut seen) = (vec![one], BTreeSet::new());
        while let Some(name) = open.pop() {
            if name == other {
                return true;
            }
            if seen.insert(name)
                && let Some(unit) = self.units.get(name)
            {
                open.extend(unit.imports.values().map(String::as_str));
            }
        }
        false
    }

    /// Crates that import each other become one, under the name of the first.
    fn untangle(&mut self, name: &str, changes: &mut Changes) -> String {
        loop {
            let Some(unit) = self.units.get(name) else { return name.to_owned() };
            let circle =
                unit.imports.values().find(|other| *other != name && self.depends(other, name));
            let Some(other) = circle.cloned() else { return name.to_owned() };
            let Some(other_unit) = self.units.remove(&other) else { return name.to_owned() };
            let mut unit = Unit::clone(&self.units[name]);
            unit.base.extend(other_unit.base.iter().cloned());
            unit.attached.extend(other_unit.attached.iter().cloned());
            for live in self.live.values_mut().filter(|live| **live == other) {
                *live = name.to_owned();
            }
            for each in self.units.values_mut() {
                if each.imports.values().any(|from| *from == other) {
                    let each = Arc::make_mut(each);
                    each.imports
                        .values_mut()
                        .filter(|from| **from == other)
                        .for_each(|from| *from = name.to_owned());
                }
            }
            self.fill_in(&mut unit, Some(name));
            self.units.insert(name.to_owned(), Arc::new(unit));
            changes.gone.insert(other);
        }
    }

    /// Crates that name something which is defined anew take the new definition; one
    /// that does not compile with it stays as it was.
    pub(super) fn rebind(&mut self, cell: u32, compiler: &Compiler, changes: &mut Changes) {
        let mut settled = BTreeSet::new();
        loop {
            let names: BTreeSet<&String> = self.live.values().collect();
            let stale = names.into_iter().find(|name| {
                let of_other = |(word, from): (&String, &String)| {
                    self.live.get(word).is_some_and(|now| now != from && now != *name)
                };
                let shadowed = |word: &String| self.live.get(word).is_some_and(|now| now != *name);
                !settled.contains(*name)
                    && self.units.get(*name).is_some_and(|unit| {
                        unit.imports.iter().any(of_other) || unit.names().any(shadowed)
                    })
            });
            let Some(name) = stale.cloned() else { return };
            let before = self.clone();
            let mut unit = Unit::clone(&self.units[&name]);
            let live = &self.live;
            let mine = |each: &Arc<Definition>| match &each.plain.name {
                Some(word) => live.get(word) == Some(&name),
                None => match &each.plain.kind {
                    Kind::Implementation(head) => head
                        .first()
                        .is_none_or(|word| live.get(word).is_none_or(|now| *now == name)),
                    _ => true,
                },
            };
            unit.base.retain(mine);
            unit.attached.retain(mine);
            self.fill_in(&mut unit, Some(&name));
            let new = identity(&unit);
            let words: Vec<String> = unit.names().cloned().collect();
            let cells: BTreeSet<u32> = unit.definitions().map(|each| each.cell).collect();
            self.units.insert(new.clone(), Arc::new(unit));
            for word in &words {
                self.live.insert(word.clone(), new.clone());
            }
            self.import_into(&new);
            settled.insert(name.clone());
            settled.insert(new.clone());
            let in_circle =
                self.units[&new].imports.values().any(|other| self.depends(other, &new));
            if in_circle || self.compile(&new, compiler).is_err() {
                let gone = std::mem::take(&mut changes.gone);
                *self = before;
                changes.gone = gone;
                if cells.contains(&cell) {
                    continue;
                }
                let cells: Vec<String> = cells.iter().map(u32::to_string).collect();
                changes.notes.push(format!(
                    "{} of cell {} does not fit what is defined anew and still uses what was there before; change and run it again\n",
                    quoted(&words), cells.join(" and ")
                ));
            }
        }
    }
}
