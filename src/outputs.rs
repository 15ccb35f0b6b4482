//! What a kernel publishes, as the outputs of a cell: by the rules of nbclient, with neighbouring streams joined.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The outputs of a notebook's cells while they run.
#[derive(Default)]
pub struct Outputs {
    clear_before_next: bool,
    /// Where a display id was shown: cell and output, for updates from later cells.
    shown: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Outputs {
    /// Begins with the cell `index`: what an earlier run left is gone.
    pub fn begin(&mut self, cells: &mut [Value], index: usize) {
        self.clear_before_next = false;
        cells[index]["execution_count"] = Value::Null;
        self.clear(cells, index);
    }

    /// Takes in one message that the cell `index` caused.
    pub fn take(&mut self, cells: &mut [Value], index: usize, kind: &str, content: &Value) {
        if let Some(count) = content.get("execution_count").filter(|count| count.is_u64()) {
            cells[index]["execution_count"] = count.clone();
        }
        let display = content["transient"]["display_id"].as_str();
        if let Some(id) = display
            .filter(|_| matches!(kind, "display_data" | "update_display_data" | "execute_result"))
        {
            self.update(cells, id, content);
        }
        match kind {
            "stream" => self.stream(cells, index, content),
            "display_data" => {
                let output = json!({"output_type": kind, "data": content["data"], "metadata": metadata(content)});
                self.push(cells, index, output, display);
            }
            "execute_result" => {
                let output = json!({
                    "output_type": kind,
                    "data": content["data"],
                    "metadata": metadata(content),
                    "execution_count": content["execution_count"],
                });
                self.push(cells, index, output, display);
            }
            "error" => self.push(cells, index, error(content), None),
            "clear_output" if content["wait"] == true => self.clear_before_next = true,
            "clear_output" => self.clear(cells, index),
            _ => {}
        }
    }

    fn stream(&mut self, cells: &mut [Value], index: usize, content: &Value) {
        let text = content["text"].as_str().unwrap_or_default();
        let last = outputs(cells, index).last_mut();
        let same =
            last.filter(|last| last["output_type"] == "stream" && last["name"] == content["name"]);
        if let Some(last) = same.filter(|_| !self.clear_before_next) {
            let joined = last["text"].as_str().unwrap_or_default().to_owned() + text;
            last["text"] = joined.into();
            return;
        }
        self.push(
            cells,
            index,
            json!({"output_type": "stream", "name": content["name"], "text": text}),
            None,
        );
    }

    fn push(&mut self, cells: &mut [Value], index: usize, output: Value, display: Option<&str>) {
        if std::mem::take(&mut self.clear_before_next) {
            self.clear(cells, index);
        }
        let outputs = outputs(cells, index);
        if let Some(id) = display {
            self.shown.entry(id.to_owned()).or_default().push((index, outputs.len()));
        }
        outputs.push(output);
    }

    fn clear(&mut self, cells: &mut [Value], index: usize) {
        outputs(cells, index).clear();
        for places in self.shown.values_mut() {
            places.retain(|(cell, _)| *cell != index);
        }
    }

    fn update(&self, cells: &mut [Value], id: &str, content: &Value) {
        for (cell, output) in self.shown.get(id).into_iter().flatten() {
            let output = &mut cells[*cell]["outputs"][*output];
            output["data"] = content["data"].clone();
            output["metadata"] = metadata(content);
        }
    }
}

/// An output of the type `error`, from an `error` message or a reply.
pub fn error(content: &Value) -> Value {
    json!({
        "output_type": "error",
        "ename": content["ename"],
        "evalue": content["evalue"],
        "traceback": content["traceback"],
    })
}

fn metadata(content: &Value) -> Value {
    content.get("metadata").filter(|value| value.is_object()).cloned().unwrap_or_else(|| json!({}))
}

/// The list of a cell's outputs, made if it is not there.
pub fn outputs(cells: &mut [Value], index: usize) -> &mut Vec<Value> {
    let outputs = &mut cells[index]["outputs"];
    if !outputs.is_array() {
        *outputs = json!([]);
    }
    match outputs {
        Value::Array(list) => list,
        _ => unreachable!("made an array above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(name: &str, text: &str) -> (&'static str, Value) {
        ("stream", json!({"name": name, "text": text}))
    }

    fn shown(id: Option<&str>, text: &str) -> (&'static str, Value) {
        let transient = id.map_or(json!({}), |id| json!({"display_id": id}));
        (
            "display_data",
            json!({"data": {"text/plain": text}, "metadata": {}, "transient": transient}),
        )
    }

    fn clear(wait: bool) -> (&'static str, Value) {
        ("clear_output", json!({"wait": wait}))
    }

    fn update(id: &str, text: &str) -> (&'static str, Value) {
        ("update_display_data", shown(Some(id), text).1)
    }

    /// The outputs in short: a stream as `name:text`, a display as its text, an error as its name.
    fn brief(cell: &Value) -> Vec<String> {
        let short = |output: &Value| match output["output_type"].as_str() {
            Some("stream") => {
                format!("{}:{}", output["name"].as_str().unwrap(), output["text"].as_str().unwrap())
            }
            Some("error") => output["ename"].as_str().unwrap().to_owned(),
            _ => output["data"]["text/plain"].as_str().unwrap().to_owned(),
        };
        cell["outputs"].as_array().unwrap().iter().map(short).collect()
    }

    #[test]
    fn messages_become_outputs() {
        let error = ("error", json!({"ename": "Panic", "evalue": "x", "traceback": []}));
        /// Messages that come in, and the outputs that are kept.
        type Case<'a> = (Vec<(&'a str, Value)>, Vec<&'a str>);
        let table: Vec<Case> = vec![
            (vec![stream("stdout", "a"), stream("stdout", "b")], vec!["stdout:ab"]),
            (
                vec![stream("stdout", "a"), stream("stderr", "b"), stream("stdout", "c")],
                vec!["stdout:a", "stderr:b", "stdout:c"],
            ),
            (vec![shown(None, "x"), shown(None, "y")], vec!["x", "y"]),
            (
                vec![shown(Some("i"), "x"), stream("stdout", "a"), update("i", "z")],
                vec!["z", "stdout:a"],
            ),
            (vec![shown(Some("i"), "x"), shown(Some("i"), "y")], vec!["y", "y"]),
            (vec![update("unknown", "z")], vec![]),
            (vec![stream("stdout", "a"), clear(false), stream("stdout", "b")], vec!["stdout:b"]),
            (vec![stream("stdout", "a"), clear(true)], vec!["stdout:a"]),
            (vec![stream("stdout", "a"), clear(true), stream("stdout", "b")], vec!["stdout:b"]),
            (
                vec![shown(Some("i"), "x"), clear(false), shown(None, "y"), update("i", "z")],
                vec!["y"],
            ),
            (vec![stream("stdout", "a"), error], vec!["stdout:a", "Panic"]),
        ];
        for (messages, expected) in table {
            let mut cells = vec![
                json!({"cell_type": "code", "outputs": [{"output_type": "error", "ename": "Old"}]}),
            ];
            let mut outputs = Outputs::default();
            outputs.begin(&mut cells, 0);
            for (kind, content) in &messages {
                outputs.take(&mut cells, 0, kind, content);
            }
            assert_eq!(brief(&cells[0]), expected, "{messages:?}");
        }
    }

    #[test]
    fn a_later_cell_updates_an_earlier_display() {
        let mut cells = vec![json!({"outputs": []}), json!({"outputs": []})];
        let mut outputs = Outputs::default();
        for (index, (kind, content)) in [shown(Some("i"), "x"), update("i", "z")].iter().enumerate()
        {
            outputs.begin(&mut cells, index);
            outputs.take(&mut cells, index, kind, content);
        }
        assert_eq!((brief(&cells[0]), brief(&cells[1])), (vec!["z".to_owned()], vec![]));
    }

    #[test]
    fn a_result_brings_its_number() {
        let mut cells = vec![json!({"outputs": []})];
        let result = json!({"data": {"text/plain": "2"}, "metadata": {}, "execution_count": 3, "transient": {}});
        Outputs::default().take(&mut cells, 0, "execute_result", &result);
        assert_eq!(cells[0]["execution_count"], 3);
        assert_eq!(cells[0]["outputs"][0].get("transient"), None);
    }
}
