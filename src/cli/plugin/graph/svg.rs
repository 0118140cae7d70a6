//! The graph as a picture that needs no other file.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use layout::core::style::LineStyleKind;
use layout::{
    backends::svg::SVGWriter,
    core::{base::Orientation, color::Color, geometry::Point, style::StyleAttr},
    std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind},
    topo::layout::VisualGraph,
};

use super::{
    model::{Graph, Kind, Node},
    text::{label, numbered},
};

/// Size of the letters: that which the crate itself uses, because it writes several in any order.
const LETTERS: usize = 15;

/// How many nodes are still worth the time that fewer crossings take.
const FEW: usize = 150;

/// How often another size of the boxes is tried.
const TRIES: u8 = 5;

/// Draws it. An empty graph is an empty picture. None if it can't be drawn: the crate panics where a bend
/// of an arrow falls on its beginning. That is chance, and with other boxes it falls elsewhere.
pub fn draw(graph: &Graph) -> Option<String> {
    if graph.nodes.is_empty() {
        return Some("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"/>\n".to_owned());
    }
    (0..TRIES).find_map(|more| quietly(|| drawn(graph, f64::from(more) * 1.7)))
}

/// None if the work panics, which is not told.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                tell(info);
            }
        }));
    });
    QUIET.set(true);
    // What it leaves half done, nobody sees.
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    done.ok()
}

/// With boxes that are larger than need be, by so many points.
fn drawn(graph: &Graph, more: f64) -> String {
    let mut picture = VisualGraph::new(Orientation::LeftToRight);
    let nodes: Vec<_> = graph.nodes.iter().map(|node| picture.add_node(element(node, graph, more))).collect();
    for (from, to, word) in numbered(graph) {
        let style = StyleAttr::new(Color::new(0x5f_6b_7a_ff), 1, None, 0, LETTERS);
        let (start, end) = (LineEndKind::None, LineEndKind::Arrow);
        let arrow = Arrow::new(start, end, LineStyleKind::Normal, word, &style, &None, &None);
        picture.add_edge(arrow, nodes[from], nodes[to]);
    }
    let mut writer = SVGWriter::new();
    picture.do_it(false, graph.nodes.len() > FEW, false, &mut writer);
    // The letters are dark, whatever the page behind them is.
    let drawn = writer.finalize().replacen("<svg ", "<svg style=\"background:#fff\" ", 1);
    drawn.replace("Times, serif", "sans-serif") + "\n"
}

fn element(node: &Node, graph: &Graph, more: f64) -> Element {
    let fill = match node.kind {
        Kind::Topic | Kind::Pattern | Kind::ChosenTopic => 0xff_e8_b3_ff,
        Kind::Changelog => 0xf3_ec_d9_ff,
        Kind::Channel => 0xe4_d9_f2_ff,
        Kind::Agent => 0xcf_e4_f7_ff,
        Kind::Join => 0xdb_d2_f5_ff,
        Kind::Table => 0xd3_ee_d3_ff,
        Kind::Task => 0xf7_d9_e4_ff,
        Kind::WebView => 0xd6_f0_ee_ff,
    };
    let line = if node.missing { 0xc0_39_2b_ff } else { 0x3b_44_50_ff };
    let missing = if node.missing { " (not there)" } else { "" };
    // Two lines: what it is, and its name.
    let text = format!("{}{missing}", label(node, graph)).replacen(' ', "\n", 1);
    let round = if node.app.is_none() { 12 } else { 2 };
    let style = StyleAttr::new(Color::new(line), 1, Some(Color::new(fill)), round, LETTERS);
    let shape = ShapeKind::new_box(&text);
    let size = layout::std_shapes::render::get_shape_size(Orientation::LeftToRight, &shape, LETTERS, false);
    Element::create(shape, style, Orientation::LeftToRight, Point::new(size.x + more, size.y + more))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::plugin::graph::model::{Edge, Verb};

    const KINDS: [Kind; 4] = [Kind::Topic, Kind::Agent, Kind::Table, Kind::Join];

    fn graph(nodes: usize, edges: &[(usize, usize)], name: &str) -> Graph {
        let node = |i: usize| Node {
            id: i.to_string(),
            kind: KINDS[i % KINDS.len()],
            name: format!("{name}{i}"),
            app: i.is_multiple_of(2).then(|| format!("ns/{}", i % 3)),
            missing: i.is_multiple_of(5),
        };
        let edge = |(from, to): &(usize, usize)| Edge {
            from: (from % nodes).to_string(),
            to: (to % nodes).to_string(),
            does: Verb::Reads,
        };
        Graph { nodes: (0..nodes).map(node).collect(), edges: edges.iter().map(edge).collect() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Circles, loops, islands and odd names: there is always a picture, and always the same.
        #[test]
        fn any_graph_can_be_drawn(
            nodes in 1usize..24,
            edges in prop::collection::vec((0usize..24, 0usize..24), 0..40),
            name in "\\PC{0,12}",
        ) {
            let graph = graph(nodes, &edges, &name);
            let drawn = draw(&graph).expect("a picture");
            prop_assert!(drawn.contains("<svg"));
            prop_assert_eq!(draw(&graph), Some(drawn));
        }
    }

    #[test]
    fn what_the_crate_cannot_draw_is_drawn_otherwise() {
        let edges = [
            (13, 21),
            (3, 9),
            (13, 23),
            (23, 4),
            (8, 2),
            (5, 7),
            (15, 3),
            (13, 10),
            (13, 1),
            (6, 19),
            (22, 0),
            (1, 3),
            (0, 5),
            (6, 8),
            (22, 19),
            (15, 22),
            (22, 8),
            (7, 19),
            (6, 6),
            (3, 14),
            (1, 8),
            (21, 8),
            (4, 5),
            (16, 9),
            (14, 8),
            (4, 7),
            (9, 15),
            (23, 2),
            (3, 1),
        ];
        let graph = graph(9, &edges, "");
        assert_eq!(quietly(|| drawn(&graph, 0.0)), None, "it can by now: TRIES may go");
        assert!(draw(&graph).is_some());
    }

    #[test]
    fn a_large_graph_is_drawn_soon() {
        let edges: Vec<(usize, usize)> = (0..600).map(|i| (i, (i * 7 + 1) % 400)).collect();
        assert!(draw(&graph(400, &edges, "n")).expect("a picture").contains("<svg"));
    }
}
