//! What is printed, to the character, and that it reads back.

use super::*;

fn classes() -> Vec<String> {
    ["cat", "dog", "an, \"odd\" one"].map(String::from).to_vec()
}

fn printed(format: Format, top: usize) -> String {
    let mut bytes = Vec::new();
    let mut writer = PredictionWriter::new(format, &mut bytes, &classes()[..2], top, 8).unwrap();
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

#[test]
fn the_file_of_a_run_quotes_names_and_leaves_unknown_truths_empty() {
    let rows = [
        Prediction { path: "a.jpg", truth: Some(0), probabilities: &[0.5, 0.5, 0.0] },
        Prediction { path: "b,c.jpg", truth: Some(1), probabilities: &[0.25, 0.25, 0.5] },
        Prediction { path: "d.jpg", truth: None, probabilities: &[0.0, 1.0, 0.0] },
    ];
    let mut bytes = Vec::new();
    write_predictions(&mut bytes, &classes(), rows).unwrap();
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "path,truth,predicted,correct,p_cat,p_dog,\"p_an, \"\"odd\"\" one\"\n\
         a.jpg,cat,cat,true,0.5,0.5,0.0\n\
         \"b,c.jpg\",dog,\"an, \"\"odd\"\" one\",false,0.25,0.25,0.5\n\
         d.jpg,,dog,,0.0,1.0,0.0\n"
    );
}

#[test]
fn probabilities_read_back_bit_for_bit() {
    let values = [1.0 / 3.0, f32::MIN_POSITIVE, 1e-45, 1.0 - f32::EPSILON / 2.0, 0.1, 1.2345679e-8];
    let names: Vec<String> = (0..values.len()).map(|c| c.to_string()).collect();
    let mut bytes = Vec::new();
    let row = Prediction { path: "a", truth: None, probabilities: &values };
    write_predictions(&mut bytes, &names, [row]).unwrap();
    let record = csv::Reader::from_reader(bytes.as_slice()).into_records().next().unwrap().unwrap();
    let back: Vec<f32> = record.iter().skip(4).map(|field| field.parse().unwrap()).collect();
    assert_eq!(back, values);
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let refused = |row| write_predictions(io::sink(), &classes(), [row]).unwrap_err();
    let error = refused(Prediction { path: "a.jpg", truth: None, probabilities: &[0.5, 0.5] });
    assert_eq!(error.to_string(), "a.jpg: 2 probabilities for 3 classes");
    let error = refused(Prediction { path: "a.jpg", truth: Some(3), probabilities: &[0.5, 0.5, 0.0] });
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    for format in [Format::Table, Format::Csv, Format::Jsonl] {
        let mut writer = PredictionWriter::new(format, io::sink(), &classes(), 1, 0).unwrap();
        assert!(writer.write("a.jpg", &[1.0]).is_err());
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
        let result = PredictionWriter::new(format, Full, &classes()[..2], 1, 0)
            .and_then(|mut writer| writer.write("a.jpg", &[0.5, 0.5]).and(writer.finish()));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull, "{format:?}");
    }
    let row = Prediction { path: "a", truth: None, probabilities: &[0.0, 0.0, 1.0] };
    assert_eq!(write_predictions(Full, &classes(), [row]).unwrap_err().kind(), io::ErrorKind::StorageFull);
}
