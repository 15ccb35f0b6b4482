//! What a member of SWIM knows of the others, and what it still has to tell.

/// What is said of a member. Later ones of the same incarnation override earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Said {
    Alive,
    Suspect,
    Dead,
}

/// A piece of news.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub about: usize,
    pub said: Said,
    pub incarnation: u32,
}

/// Of another member: what is said, in which incarnation, and in which period it was first heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub said: Said,
    pub incarnation: u32,
    pub since: u32,
}

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub views: Vec<View>,
    pub incarnation: u32,
    /// News and how often it will still be told.
    tells: Vec<(News, u32)>,
    /// Whom it asks next, in a round over all.
    pub round: Vec<usize>,
    /// Lifeguard's local health: how many of its own probes went wrong of late.
    pub score: u32,
}

/// Pieces of news in a message at most.
const IN_MESSAGE: usize = 6;

impl Member {
    pub fn new(members: usize) -> Self {
        let view = View { said: Said::Alive, incarnation: 0, since: 0 };
        Self { views: vec![view; members], incarnation: 0, tells: vec![], round: vec![], score: 0 }
    }

    /// Hears a piece of news; passes it on if it is new. `me` refutes what is said of itself.
    pub fn hears(&mut self, me: usize, news: News, period: u32, times: u32) {
        if news.about == me {
            if news.said != Said::Alive && news.incarnation >= self.incarnation {
                self.incarnation = news.incarnation + 1;
                let alive = News { said: Said::Alive, incarnation: self.incarnation, ..news };
                self.tell(alive, times);
            }
            return;
        }
        let view = &mut self.views[news.about];
        let is_new = view.said != Said::Dead
            && (news.said == Said::Dead
                || (news.incarnation, news.said) > (view.incarnation, view.said));
        if is_new {
            *view = View { said: news.said, incarnation: news.incarnation, since: period };
            self.tell(news, times);
        }
    }

    fn tell(&mut self, news: News, times: u32) {
        self.tells.retain(|(old, _)| old.about != news.about);
        self.tells.push((news, times));
    }

    /// What it tells in a message: what it told least often.
    pub fn tells(&mut self) -> Vec<News> {
        if self.tells.is_empty() {
            return vec![];
        }
        self.tells.sort_by_key(|(_, left)| std::cmp::Reverse(*left));
        let said = self.tells.iter_mut().take(IN_MESSAGE).map(|(news, left)| {
            *left -= 1;
            *news
        });
        let said = said.collect();
        self.tells.retain(|(_, left)| *left > 0);
        said
    }

    /// Forgets all about a member, which is alive in this incarnation.
    pub fn forgets(&mut self, about: usize, incarnation: u32) {
        self.views[about] = View { said: Said::Alive, incarnation, since: 0 };
        self.tells.retain(|(news, _)| news.about != about);
    }
}
