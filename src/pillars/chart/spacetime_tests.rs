//! Tests of space-time diagrams as they are shown.

use super::*;
use pillars_models::state::cluster::During;

fn event(process: usize, time: f64, label: &str, is_marked: bool) -> LocalEvent {
    LocalEvent { process, time, label: label.to_owned(), is_marked }
}

fn arrow(from: usize, sent: f64, to: usize, arrived: Option<f64>, label: &str) -> Arrow {
    let lost = arrived.is_none().then_some(sent);
    Arrow { from, sent, to, arrived, lost, label: label.to_owned() }
}

/// Where the lines of this colour end, by their last points.
fn ends_of_lines(svg: &str, colour: &str) -> Vec<(i32, i32)> {
    let lines = svg.split("<polyline").skip(1).filter(|line| line.contains(colour));
    let points = lines.map(|line| line.split("points=\"").nth(1).unwrap());
    let last = points.map(|points| points.split('"').next().unwrap().split_whitespace().last());
    let pair = |point: &str| point.split_once(',').map(|(x, y)| [x, y].map(|it| it.parse::<i32>()));
    last.map(|point| {
        let [x, y] = pair(point.unwrap()).unwrap();
        (x.unwrap(), y.unwrap())
    })
    .collect()
}

fn election() -> SpaceTime {
    SpaceTime {
        events: vec![event(0, 1.0, "candidate", false), event(2, 9.0, "two leaders", true)],
        messages: vec![
            arrow(0, 1.0, 1, Some(4.0), "vote?"),
            arrow(0, 1.0, 2, None, "vote for me?"),
            arrow(1, 4.0, 0, Some(6.0), "yes"),
            arrow(1, 4.0, 1, Some(4.0), "to itself"),
        ],
        whiles: vec![During { process: 1, from: 6.0, to: 8.0, label: "down".to_owned() }],
        ..SpaceTime::of(&["node 0", "node 1", "node 2"])
    }
}

fn diagram() -> SpaceTimeDiagram {
    SpaceTimeDiagram::new("An election", "ms", &election())
}

/// The texts of an SVG, each with the coordinates where it is written.
fn texts(svg: &str) -> Vec<&str> {
    let parts = svg.split("<text ").skip(1);
    parts.map(|part| part.split('>').nth(1).unwrap().split('<').next().unwrap().trim()).collect()
}

#[test]
fn the_bundle_has_a_figure_a_picture_and_words() {
    let bundle = diagram().cut(&[2.0, 5.0, 3.5]).bundle();
    let words = "Space-time diagram: An election. 3 lanes from 0.84 ms to 9.16 ms: 2 events, 3 \
        messages, 1 of which did not arrive. node 1: down from 6 ms to 8 ms. A cut through node 0 \
        at 2 ms, node 1 at 5 ms, node 2 at 3.5 ms. Marked at node 2 at 9 ms: two leaders.";
    assert_eq!(bundle.text("text/plain"), Some(words));
    let html = bundle.text("text/html").unwrap();
    assert!(html.starts_with("<figure") && html.contains("<img alt=\"Space-time diagram:"));
    for part in ["Cross: it did not arrive.", "Diamond:", "Shaded: what is in the cut."] {
        assert!(html.contains(part), "{part}");
    }
    assert!(bundle.text("image/png").unwrap().starts_with("iVBORw0KGgo"));
}

#[test]
fn what_happens_is_drawn_with_its_labels() {
    let svg = figure::svg(&diagram());
    let seen = texts(&svg);
    let all = ["An election", "node 0", "node 2", "candidate", "two leaders", "vote?", "down"];
    for text in all.into_iter().chain(["vote for me?", "yes", "time (ms)"]) {
        assert!(seen.contains(&text), "{text} is not among {seen:?}");
    }
    assert!(!seen.contains(&"to itself") && !seen.contains(&"cut"));
    // Heads of two arrows, and three layers of the diamond.
    assert_eq!(svg.matches("<polygon").count(), 2 + 3);
    assert!(texts(&figure::svg(&diagram().cut(&[1.0, 2.0, 3.0]))).contains(&"cut"));
    let silent = figure::svg(&diagram().messages_labelled(false));
    assert!(!texts(&silent).contains(&"yes") && texts(&silent).contains(&"candidate"));
}

/// One that is under way when the run ends has no cross: it goes on to the edge, and no farther.
#[test]
fn messages_under_way_go_to_the_edge() {
    let under_way = Arrow { lost: None, ..arrow(0, 8.0, 2, None, "vote?") };
    let slow = Arrow { sent: 1.0, ..under_way.clone() };
    let drawn = SpaceTime { messages: vec![under_way, slow], ..election() };
    let diagram = SpaceTimeDiagram::new("An election", "ms", &drawn);
    let words = diagram.words();
    assert!(words.contains("2 messages, 2 of which are under way at the end."), "{words}");
    let caption = diagram.caption().unwrap();
    assert!(caption.contains("To the edge, without a head") && !caption.contains("Cross"));
    let (svg, frame) = (figure::svg(&diagram), Frame::of(3, diagram.range(), 0));
    let ends = ends_of_lines(&svg, "#5F5F5F");
    assert_eq!(ends.len(), 2, "{svg}");
    for (x, y) in ends {
        assert_eq!(x, frame.right);
        assert!(frame.middle(0) < y && y < frame.middle(2), "{y}");
    }
    let both = SpaceTime { messages: [election().messages, drawn.messages].concat(), ..drawn };
    let words = SpaceTimeDiagram::new("", "ms", &both).words();
    assert!(
        words.contains("1 of which did not arrive, and 2 are under way at the end."),
        "{words}"
    );
}

/// What a cut swallows is crossed out when it does, not before.
#[test]
fn what_is_lost_on_the_way_is_crossed_out_when_it_is() {
    let at = |lost: f64| {
        let swallowed = Arrow { lost: Some(lost), ..arrow(0, 1.0, 2, None, "commit") };
        let arrives = arrow(0, 1.0, 1, Some(2.0), "commit");
        let drawn = SpaceTime { messages: vec![arrives, swallowed], ..election() };
        let diagram = SpaceTimeDiagram::new("A cut", "ms", &drawn);
        let frame = Frame::of(3, diagram.range(), 100);
        (ends_of_lines(&figure::svg(&diagram), "#D55E00")[0].0, frame.across(lost))
    };
    let (late, later) = (at(5.0), at(8.0));
    assert!((late.0 - late.1).abs() < 40 && (later.0 - later.1).abs() < 40, "{late:?} {later:?}");
    assert!(later.0 - late.0 > 300);
}

#[test]
fn the_same_diagram_is_the_same_bytes() {
    let bytes = || (figure::svg(&diagram()), figure::png(&diagram()));
    let first = bytes();
    assert_eq!(std::thread::spawn(bytes).join().unwrap(), first);
}

/// Messages that cross the borders of the while that is drawn have a line, and a head only within.
#[test]
fn a_part_is_drawn_alone() {
    let part = diagram().during(3.0..5.0);
    let words = part.words();
    assert!(words.contains("3 lanes from 3 ms to 5 ms: 0 events, 2 messages"), "{words}");
    assert_eq!(figure::svg(&part).matches("<polygon").count(), 1);
    let after = diagram().during(8.5..10.0);
    assert!(after.words().contains("1 event, 0 messages. Marked at node 2"));
    let nothing = SpaceTimeDiagram::new("nothing", "ms", &SpaceTime::of(&[]));
    assert!(nothing.bundle().text("text/plain").unwrap().contains("0 lanes from 0 ms to 1 ms"));
    let alone = SpaceTime { events: vec![event(0, 5.0, "a", false)], ..SpaceTime::of(&["p"]) };
    assert!(texts(&figure::svg(&SpaceTimeDiagram::new("one", "s", &alone))).contains(&"a"));
}

/// However many labels there are, none is written on another.
#[test]
fn labels_do_not_overlap() {
    let mut crowded = SpaceTime::of(&["a", "b", "c"]);
    for number in 0..40u32 {
        let time = f64::from(number * 7 % 40) / 4.0;
        let process = number as usize % 3;
        crowded.events.push(event(process, time, "a long label", number == 20));
        let to = (process + 1) % 3;
        crowded.messages.push(arrow(process, time, to, Some(time + 1.0), "message"));
    }
    let crowded = SpaceTimeDiagram::new("crowded", "ms", &crowded).messages_labelled(true);
    let svg = figure::svg(&crowded);
    let mut paper = String::new();
    let area = SVGBackend::with_string(&mut paper, (100, 100)).into_drawing_area();
    let number = |part: &str, name: &str| -> i32 {
        let value = part.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        value.parse().unwrap()
    };
    let mut boxes: Vec<[i32; 4]> = vec![];
    for part in svg.split("<text").skip(1) {
        let text = texts(&format!("<text {part}"))[0].to_owned();
        if text == "a long label" || text == "message" {
            let wide = area.estimate_text_size(&text, &style(TEXT * 0.75)).unwrap().0 as i32;
            let (x, y) = (number(part, "x"), number(part, "y"));
            boxes.push([x - wide / 2, y - 11, x + wide / 2, y + 11]);
        }
    }
    assert!((20..80).contains(&boxes.len()), "{} labels are written", boxes.len());
    for (at, a) in boxes.iter().enumerate() {
        for b in &boxes[..at] {
            let apart = a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
            assert!(apart, "{a:?} and {b:?}");
        }
    }
}

fn many(marked: Option<f64>) -> SpaceTimeDiagram {
    let mut many = SpaceTime::of(&["a", "b"]);
    for number in 0..200 {
        let time = f64::from(number);
        many.messages.push(arrow(0, time, 1, Some(time + 10.0), ""));
    }
    many.events.extend(marked.map(|time| event(1, time, "broken", true)));
    SpaceTimeDiagram::new("many", "ms", &many)
}

#[test]
#[should_panic(
    expected = "at most 80 messages can be told apart, but there are 200; look at a part, as by \
                during(1.0..40.39)"
)]
fn too_many_messages_are_refused() {
    many(None).bundle();
}

/// What is marked, with half as many messages as can be told apart before it.
#[test]
#[should_panic(expected = "look at a part, as by during(111.0..150.4)")]
fn the_part_that_is_proposed_has_the_marked_event() {
    many(Some(150.0)).bundle();
}

#[test]
fn the_part_that_is_proposed_can_be_drawn() {
    assert!(many(None).during(1.0..40.39).bundle().has("image/png"));
    let words = many(Some(150.0)).during(111.0..150.4).words();
    assert!(words.contains("Marked at b at 150 ms: broken."), "{words}");
    assert!(many(Some(150.0)).during(111.0..150.4).bundle().has("image/png"));
}

#[test]
#[should_panic(expected = "at most 300 events can be told apart, but there are 301")]
fn too_many_events_are_refused() {
    let events = (0..301).map(|number| event(0, f64::from(number), "", false)).collect();
    let many = SpaceTime { events, ..SpaceTime::of(&["a"]) };
    SpaceTimeDiagram::new("many", "ms", &many).bundle();
}

#[test]
#[should_panic(
    expected = "in one of the 1 lanes, numbered from 0, at a finite time, but something \
                           is in lane 1 at 2"
)]
fn what_happens_has_a_lane() {
    let wrong = SpaceTime { events: vec![event(1, 2.0, "", false)], ..SpaceTime::of(&["a"]) };
    let _ = SpaceTimeDiagram::new("", "ms", &wrong);
}

#[test]
#[should_panic(expected = "at most 12 processes can be told apart, but there are 13")]
fn too_many_lanes_are_refused() {
    SpaceTimeDiagram::new("", "ms", &SpaceTime::of(&["p"; 13])).bundle();
}

#[test]
#[should_panic(expected = "a cut has a finite time for each of the 3 processes, but it is [1.0]")]
fn a_cut_has_a_time_for_each() {
    let _ = diagram().cut(&[1.0]);
}

#[test]
#[should_panic(expected = "SpaceTimeDiagram::during: the times must be finite and in order")]
fn time_goes_to_the_right() {
    let _ = diagram().during(5.0..5.0);
}
