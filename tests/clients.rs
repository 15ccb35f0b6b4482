//! The kernel, driven by clients that no one here wrote: Jupyter's client and
//! its kernel test suite, and nbconvert. Their environment is set up on first
//! use, below cargo's target folder.

mod common;

use common::{jupyter, pillars, scratch, services, shown};
use std::path::{Path, PathBuf};

#[test]
fn the_kernel_passes_jupyters_own_test_suite_and_keeps_its_promises() {
    passes("test_kernel.py");
}

#[test]
fn what_cells_show_ask_and_print_arrives_within_bounds() {
    passes("test_display.py");
}

#[test]
fn comms_carry_data_both_ways() {
    passes("test_comms.py");
}

#[test]
fn what_readers_clients_and_machines_do_to_a_kernel_costs_nobody_anything() {
    println!("{}", passes("test_faults.py"));
}

#[test]
fn the_tools_of_classrooms_and_ci_run_the_chapters_and_a_console_runs_cells() {
    passes("test_tools.py");
}

#[test]
fn jupyterlabs_own_client_finds_every_message_valid() {
    let ran = services().output().unwrap();
    assert!(ran.status.success(), "{}", shown(&ran));
}

fn passes(name: &str) -> String {
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
    let ran = jupyter("python").arg(test).output().unwrap();
    assert!(ran.status.success(), "{}", shown(&ran));
    shown(&ran)
}

/// `SOAK="2000 50 20" cargo test --test clients soak` for a long one.
#[test]
fn a_soak_of_cells_interrupts_and_crashes_loses_nothing_that_is_not_reported() {
    let size = std::env::var("SOAK").unwrap_or_else(|_| "150 6 4".to_owned());
    let soak = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/soak.py");
    let ran = jupyter("python").arg(soak).args(size.split(' ')).output().unwrap();
    assert!(ran.status.success(), "{}", shown(&ran));
    println!("{}", shown(&ran));
}

#[test]
fn nbconvert_executes_each_chapter_and_its_html_holds_the_figures() {
    for chapter in chapters() {
        let out = scratch("nbconvert");
        let ran = jupyter("jupyter")
            .args(["nbconvert", "--execute", "--to", "html", "--output-dir"])
            .arg(&out)
            .arg(&chapter)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", shown(&ran));
        let html = out.join(chapter.file_name().unwrap()).with_extension("html");
        let html = std::fs::read_to_string(html).unwrap();
        let source = std::fs::read_to_string(&chapter).unwrap();
        let charts = source.matches(".chart(").count() + source.matches(".timeline(").count();
        let figures = html.matches("<figure").count();
        let drawings = charts + source.matches("SpaceTimeDiagram::new(").count();
        assert!(figures >= charts && drawings > 0, "{figures} figures for {charts} charts");
        assert!(html.contains("src=\"data:image/svg+xml;base64,"), "no picture in the HTML");
        let tables = ["Table::new(", ".table()", "surveys("];
        let has_tables = tables.iter().any(|makes| source.contains(makes));
        assert!(!has_tables || html.contains("<caption"), "no table in the HTML");
    }
}

#[test]
fn a_failing_claim_fails_nbconvert_and_pillars_run() {
    let dir = scratch("claims");
    let notebook = dir.join("wrong.ipynb");
    std::fs::write(
        &notebook,
        notebook_of(&["claim(\"one is one\", 1 == 1);", "claim(\"one is two\", 1 == 2);"]),
    )
    .unwrap();
    let ran = jupyter("jupyter")
        .args(["nbconvert", "--execute", "--to", "notebook", "--output", "out.ipynb"])
        .arg(&notebook)
        .output()
        .unwrap();
    assert!(!ran.status.success() && shown(&ran).contains("one is two"), "{}", shown(&ran));

    let ran = pillars().arg("run").arg(&notebook).output().unwrap();
    let said = shown(&ran);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    for named in ["wrong.ipynb", "Panic", "claim failed: one is two"] {
        assert!(said.contains(named), "{named:?} is missing in: {said}");
    }
}

/// Found by fuzz/run: the crate that checks notebooks printed outputs that it did not understand.
#[test]
fn outputs_that_nobody_understands_are_replaced_without_a_word() {
    let notebook = scratch("odd").join("odd.ipynb");
    let odd = notebook_of(&["1 + 1"]).replace(
        "\"outputs\":[]",
        "\"outputs\":[{\"output_type\":\"stream\",\"no\":\"text\"},{\"odd\":true}]",
    );
    assert!(odd.contains("odd"));
    std::fs::write(&notebook, odd).unwrap();
    let ran = pillars().args(["run", "--in-place"]).arg(&notebook).output().unwrap();
    assert!(ran.status.success() && !shown(&ran).contains("Warning"), "{}", shown(&ran));
    let run = std::fs::read_to_string(&notebook).unwrap();
    assert!(run.contains("\"text/plain\"") && !run.contains("odd"), "{run}");
}

#[test]
fn pillars_run_executes_each_chapter_as_it_is_committed() {
    for chapter in chapters() {
        let out = scratch("run");
        let ran =
            pillars().arg("run").arg("--output-dir").arg(&out).arg(&chapter).output().unwrap();
        assert!(ran.status.success(), "{}", shown(&ran));
        let executed = std::fs::read(out.join(chapter.file_name().unwrap())).unwrap();
        let committed = std::fs::read(&chapter).unwrap();
        assert!(executed == committed, "{} is not what it gives when run", chapter.display());
    }
}

fn chapters() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut chapters: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "ipynb"))
        .collect();
    chapters.sort();
    assert!(!chapters.is_empty());
    chapters
}

fn notebook_of(cells: &[&str]) -> String {
    let cells: Vec<_> = cells
        .iter()
        .enumerate()
        .map(|(at, source)| {
            serde_json::json!({
                "cell_type": "code", "id": format!("cell-{at}"), "metadata": {}, "source": source,
                "outputs": [], "execution_count": null,
            })
        })
        .collect();
    let kernelspec = serde_json::json!({
        "name": "pillars", "display_name": "Rust (Pillars)", "language": "rust",
    });
    serde_json::json!({
        "cells": cells, "metadata": { "kernelspec": kernelspec }, "nbformat": 4, "nbformat_minor": 5,
    })
    .to_string()
}
