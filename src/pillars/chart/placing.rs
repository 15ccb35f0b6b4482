//! Where labels go: near what they name, on none of the others, on few lines.

/// A point in pixels.
pub type Point = (i32, i32);
/// A line between two points.
pub type Segment = (Point, Point);

/// A rectangle in pixels, its borders included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Area {
    /// One of this size around a point.
    pub fn around((x, y): Point, (width, height): (i32, i32)) -> Self {
        let (left, top) = (x - width / 2, y - height / 2);
        Self { left, top, right: left + width, bottom: top + height }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left <= other.right
            && other.left <= self.right
            && self.top <= other.bottom
            && other.top <= self.bottom
    }

    fn is_within(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.right <= other.right
            && self.top >= other.top
            && self.bottom <= other.bottom
    }

    /// The part of a line that lies in it (Liang and Barsky, 1984).
    pub fn clips(&self, (a, b): Segment) -> Option<Segment> {
        let (dx, dy) = (f64::from(b.0 - a.0), f64::from(b.1 - a.1));
        let (mut from, mut to) = (0.0f64, 1.0f64);
        let borders = [
            (-dx, a.0 - self.left),
            (dx, self.right - a.0),
            (-dy, a.1 - self.top),
            (dy, self.bottom - a.1),
        ];
        for (outwards, room) in borders {
            let at = f64::from(room) / outwards;
            if outwards == 0.0 {
                if room < 0 {
                    return None;
                }
            } else if outwards < 0.0 {
                from = from.max(at);
            } else {
                to = to.min(at);
            }
        }
        let along =
            |part: f64| (a.0 + (part * dx).round() as i32, a.1 + (part * dy).round() as i32);
        (from <= to).then(|| (along(from), along(to)))
    }
}

/// What is drawn already.
#[derive(Debug)]
pub struct Places {
    pub bounds: Area,
    /// Labels, on which nothing may be written.
    pub labels: Vec<Area>,
    /// Dots and the like, on which one would rather not write.
    pub dots: Vec<Area>,
    /// Lines, which a label may cover if it must.
    pub lines: Vec<Segment>,
}

impl Places {
    /// The best of the places that are free, the earlier of equal ones; it is taken then. A label's
    /// own line, if it has one, is no obstacle.
    pub fn take(&mut self, candidates: &[Area], own: Option<usize>) -> Option<Area> {
        let free = |area: &Area| {
            area.is_within(&self.bounds) && !self.labels.iter().any(|other| other.meets(area))
        };
        let cost = |area: &Area, nth: usize| {
            let dots = self.dots.iter().filter(|dot| dot.meets(area)).count();
            let crosses = |(number, line): &(usize, &Segment)| {
                Some(*number) != own && area.clips(**line).is_some()
            };
            let lines = self.lines.iter().enumerate().filter(crosses).count();
            40 * dots + 12 * lines + nth
        };
        let places = candidates.iter().enumerate().filter(|(_, area)| free(area));
        let best = places.min_by_key(|(nth, area)| cost(area, *nth)).map(|(_, area)| *area)?;
        self.labels.push(best);
        Some(best)
    }

    /// Whether a label there lies on a dot or a line.
    pub fn covers(&self, place: &Area) -> bool {
        self.dots.iter().any(|dot| dot.meets(place))
            || self.lines.iter().any(|line| place.clips(*line).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Area = Area { left: 10, top: 10, right: 20, bottom: 20 };

    #[test]
    fn lines_are_clipped() {
        for (line, part) in [
            (((0, 15), (30, 15)), Some(((10, 15), (20, 15)))),
            (((12, 12), (18, 14)), Some(((12, 12), (18, 14)))),
            (((0, 0), (30, 30)), Some(((10, 10), (20, 20)))),
            (((15, 30), (15, 0)), Some(((15, 20), (15, 10)))),
            (((0, 5), (30, 5)), None),
            (((0, 25), (5, 30)), None),
            (((0, 12), (12, 0)), None),
        ] {
            assert_eq!(BOX.clips(line), part, "{line:?}");
        }
    }

    #[test]
    fn a_label_takes_the_first_free_place_with_the_fewest_obstacles() {
        let bounds = Area { left: 0, top: 0, right: 100, bottom: 100 };
        let (labels, dots) = (vec![BOX], vec![Area::around((50, 50), (4, 4))]);
        let mut places = Places { bounds, labels, dots, lines: vec![((0, 80), (100, 80))] };
        let at = |x, y| Area::around((x, y), (10, 10));
        let outside = at(98, 50);
        // On a label, outside, on a dot, on a line, free.
        let all = [at(15, 15), outside, at(50, 50), at(50, 80), at(70, 30)];
        assert_eq!(places.take(&all, None), Some(at(70, 30)));
        assert_eq!(places.take(&all, None), Some(at(50, 80)));
        assert_eq!(places.take(&all, None), Some(at(50, 50)));
        assert_eq!(places.take(&all, None), None);
        assert!(places.covers(&at(50, 80)) && places.covers(&at(50, 50)));
        assert!(!places.covers(&at(70, 30)));
        // Its own line is none.
        places.labels.clear();
        assert_eq!(places.take(&[at(50, 80), at(70, 30)], Some(0)), Some(at(50, 80)));
    }
}
