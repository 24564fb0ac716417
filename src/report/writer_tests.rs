//! What `predict` prints, to the character.

use super::*;
use crate::backend::Loss;

fn classes() -> Vec<String> {
    ["cat", "dog", "an, \"odd\" one"].map(String::from).to_vec()
}

fn printed(format: Format, top: usize) -> String {
    let mut bytes = Vec::new();
    let mut writer =
        PredictionWriter::new(format, &mut bytes, &classes()[..2], &Output::Softmax, top, 8).unwrap();
    writer.write("a.jpg", &[0.612, 0.388]).unwrap();
    writer.write("long/b.jpg", &[0.0, 1.0]).unwrap();
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn table() {
    assert_eq!(
        printed(Format::Table, 5),
        "a.jpg     cat  61.2%  dog  38.8%\nlong/b.jpg  dog 100.0%  cat   0.0%\n"
    );
}

#[test]
fn csv_has_a_row_a_rank() {
    assert_eq!(
        printed(Format::Csv, 2),
        "path,rank,label,probability\n\
         a.jpg,1,cat,0.612\na.jpg,2,dog,0.388\nlong/b.jpg,1,dog,1.0\nlong/b.jpg,2,cat,0.0\n"
    );
}

#[test]
fn json_lines() {
    assert_eq!(
        printed(Format::Jsonl, 1),
        "{\"path\":\"a.jpg\",\"predictions\":[{\"label\":\"cat\",\"probability\":0.612}]}\n\
         {\"path\":\"long/b.jpg\",\"predictions\":[{\"label\":\"dog\",\"probability\":1.0}]}\n"
    );
}

fn labels(format: Format, top: usize) -> String {
    let names = ["sand", "sea", "ship"].map(String::from);
    let mut bytes = Vec::new();
    let output = Output::Sigmoid { thresholds: vec![0.5, 0.3, 0.6] };
    let mut writer = PredictionWriter::new(format, &mut bytes, &names, &output, top, 5).unwrap();
    writer.write("a.jpg", &[0.4, 0.35, 0.9]).unwrap();
    writer.write("b.jpg", &[0.45, 0.1, 0.5]).unwrap();
    writer.write("c.jpg", &[1.0, 0.3, 0.6]).unwrap();
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn several_labels_are_those_that_reach_their_threshold() {
    assert_eq!(
        labels(Format::Table, 3),
        "a.jpg  ship 90.0%  sea 35.0%  (sand 40.0%)\n\
         b.jpg  none  (ship 50.0%, sand 45.0%, sea 10.0%)\n\
         c.jpg  sand 100.0%  ship 60.0%  sea 30.0%\n"
    );
    // Labels that are predicted are told even where there are more than asked for.
    assert_eq!(
        labels(Format::Table, 1),
        "a.jpg  ship 90.0%  sea 35.0%\nb.jpg  none  (ship 50.0%)\nc.jpg  sand 100.0%  ship 60.0%  sea 30.0%\n"
    );
    assert_eq!(
        labels(Format::Csv, 1),
        "path,rank,label,probability,predicted\na.jpg,1,ship,0.9,true\na.jpg,2,sea,0.35,true\n\
         b.jpg,1,ship,0.5,false\nc.jpg,1,sand,1.0,true\nc.jpg,2,ship,0.6,true\nc.jpg,3,sea,0.3,true\n"
    );
    let first = "{\"path\":\"a.jpg\",\"predictions\":[\
        {\"label\":\"ship\",\"probability\":0.9,\"predicted\":true},\
        {\"label\":\"sea\",\"probability\":0.35,\"predicted\":true},\
        {\"label\":\"sand\",\"probability\":0.4,\"predicted\":false}]}\n";
    assert!(labels(Format::Jsonl, 3).starts_with(first), "{}", labels(Format::Jsonl, 3));
}

#[test]
fn margins_are_no_percentages() {
    let printed = |format| {
        let mut bytes = Vec::new();
        let output = Output::new(Loss::Hinge, 2);
        let mut writer = PredictionWriter::new(format, &mut bytes, &classes()[..2], &output, 2, 5).unwrap();
        writer.write("a.jpg", &[-1.25, 10.5]).unwrap();
        writer.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(printed(Format::Table), "a.jpg  dog 10.500  cat -1.250\n");
    assert_eq!(printed(Format::Csv), "path,rank,label,margin\na.jpg,1,dog,10.5\na.jpg,2,cat,-1.25\n");
    assert_eq!(
        printed(Format::Jsonl),
        "{\"path\":\"a.jpg\",\"predictions\":[{\"label\":\"dog\",\"margin\":10.5},{\"label\":\"cat\",\"margin\":-1.25}]}\n"
    );
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    for format in [Format::Table, Format::Csv, Format::Jsonl] {
        let refused = |output: Output, row: &[f32]| {
            let mut writer = PredictionWriter::new(format, io::sink(), &classes(), &output, 1, 0).unwrap();
            writer.write("a.jpg", row).unwrap_err().to_string()
        };
        assert_eq!(refused(Output::Softmax, &[1.0]), "a.jpg: 1 probabilities for 3 classes");
        assert_eq!(refused(Output::new(Loss::Hinge, 3), &[1.0]), "a.jpg: 1 margins for 3 classes");
        let short = Output::Sigmoid { thresholds: vec![0.5] };
        assert_eq!(refused(short, &[0.5; 3]), "a.jpg: 1 thresholds for 3 labels");
    }
}

/// Takes nothing, as a full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_at_the_latest_at_the_end() {
    for format in [Format::Table, Format::Csv, Format::Jsonl] {
        let result = PredictionWriter::new(format, Full, &classes()[..2], &Output::Softmax, 1, 0)
            .and_then(|mut writer| writer.write("a.jpg", &[0.5, 0.5]).and(writer.finish()));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull, "{format:?}");
    }
}
