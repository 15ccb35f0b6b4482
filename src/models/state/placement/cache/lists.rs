//! Items in the order in which they came, in one of several lists.

/// Doubly linked lists over items 0 to below a count; an item is in one list at most.
pub(super) struct Lists {
    /// Of each item, and after them of each list's anchor, who came after it and who before.
    links: Vec<[u32; 2]>,
    /// The list of each item.
    of: Vec<u8>,
    lengths: Vec<usize>,
    items: usize,
}

const NONE: u8 = u8::MAX;
const LATER: usize = 0;
const EARLIER: usize = 1;

impl Lists {
    pub fn new(items: usize, lists: usize) -> Self {
        let mut links = vec![[0, 0]; items];
        links.extend((items..items + lists).map(|anchor| [anchor as u32; 2]));
        Self { links, of: vec![NONE; items], lengths: vec![0; lists], items }
    }

    /// The list that an item is in.
    #[inline]
    pub fn of(&self, item: usize) -> Option<usize> {
        let list = self.of[item];
        (list != NONE).then_some(list as usize)
    }

    #[inline]
    pub fn length(&self, list: usize) -> usize {
        self.lengths[list]
    }

    /// Puts an item that is in none at the end of a list.
    #[inline]
    pub fn push(&mut self, list: usize, item: usize) {
        let anchor = self.items + list;
        let last = self.links[anchor][EARLIER];
        self.links[item] = [anchor as u32, last];
        self.links[last as usize][LATER] = item as u32;
        self.links[anchor][EARLIER] = item as u32;
        self.of[item] = list as u8;
        self.lengths[list] += 1;
    }

    /// Takes an item out of its list.
    #[inline]
    pub fn remove(&mut self, item: usize) {
        let [later, earlier] = self.links[item];
        self.links[later as usize][EARLIER] = earlier;
        self.links[earlier as usize][LATER] = later;
        self.lengths[self.of[item] as usize] -= 1;
        self.of[item] = NONE;
    }

    /// The item that has been in a list for longest.
    #[inline]
    pub fn oldest(&self, list: usize) -> usize {
        self.links[self.items + list][LATER] as usize
    }
}
