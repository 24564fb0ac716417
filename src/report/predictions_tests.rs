//! What the file of a run says, to the character, and that it reads back.

use super::*;
use crate::backend::Loss;

fn classes() -> Vec<String> {
    ["cat", "dog", "an, \"odd\" one"].map(String::from).to_vec()
}

fn written<'a>(output: &Output, rows: impl IntoIterator<Item = Prediction<'a>>) -> String {
    let mut bytes = Vec::new();
    write_predictions(&mut bytes, &classes(), output, rows).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_file_of_a_run_quotes_names_and_leaves_unknown_truths_empty() {
    let rows = [
        Prediction { path: "a.jpg", part: None, truth: Some(&[0]), values: &[0.5, 0.5, 0.0] },
        Prediction { path: "b,c.jpg", part: None, truth: Some(&[1]), values: &[0.25, 0.25, 0.5] },
        Prediction { path: "d.jpg", part: None, truth: None, values: &[0.0, 1.0, 0.0] },
    ];
    assert_eq!(
        written(&Output::Softmax, rows),
        "path,truth,predicted,correct,loss,p_cat,p_dog,\"p_an, \"\"odd\"\" one\"\n\
         a.jpg,cat,cat,true,0.6931471805599453,0.5,0.5,0.0\n\
         \"b,c.jpg\",dog,\"an, \"\"odd\"\" one\",false,1.3862943611198906,0.25,0.25,0.5\n\
         d.jpg,,dog,,,0.0,1.0,0.0\n"
    );
}

#[test]
fn several_labels_are_joined_by_a_bar() {
    let rows = [
        Prediction { path: "a.jpg", part: None, truth: Some(&[0, 1]), values: &[0.5, 0.5, 0.0] },
        Prediction { path: "b.jpg", part: None, truth: Some(&[]), values: &[0.5, 0.0, 0.0] },
        Prediction { path: "c.jpg", part: None, truth: None, values: &[0.25, 0.0, 0.0] },
    ];
    let text = written(&Output::new(Loss::Sigmoid, 3), rows);
    let lines: Vec<_> = text.lines().skip(1).collect();
    // −2 ln ½, and p = 0 clipped at 2⁻⁵².
    assert!(lines[0].starts_with("a.jpg,cat|dog,cat|dog,true,1.38629436111989"), "{text}");
    assert!(lines[1].starts_with("b.jpg,,cat,false,0.69314718055994"), "{text}");
    assert_eq!(lines[2], "c.jpg,,,,,0.25,0.0,0.0");
}

#[test]
fn margins_are_called_so() {
    let row = [Prediction { path: "a.jpg", part: None, truth: Some(&[0]), values: &[-1.5, 0.25, 2.0] }];
    assert_eq!(
        written(&Output::new(Loss::SquaredHinge, 3), row),
        "path,truth,predicted,correct,loss,margin_cat,margin_dog,\"margin_an, \"\"odd\"\" one\"\n\
         a.jpg,cat,\"an, \"\"odd\"\" one\",false,27.8125,-1.5,0.25,2.0\n"
    );
}

#[test]
fn probabilities_read_back_bit_for_bit() {
    let values = [1.0 / 3.0, f32::MIN_POSITIVE, 1e-45, 1.0 - f32::EPSILON / 2.0, 0.1, 1.2345679e-8];
    let names: Vec<String> = (0..values.len()).map(|c| c.to_string()).collect();
    let mut bytes = Vec::new();
    let row = Prediction { path: "a", part: None, truth: None, values: &values };
    write_predictions(&mut bytes, &names, &Output::Softmax, [row]).unwrap();
    let record = csv::Reader::from_reader(bytes.as_slice()).into_records().next().unwrap().unwrap();
    let back: Vec<f32> = record.iter().skip(5).map(|field| field.parse().unwrap()).collect();
    assert_eq!(back, values);
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let refused = |truth: Option<&[u32]>, values: &[f32]| {
        let row = Prediction { path: "a.jpg", part: None, truth, values };
        write_predictions(io::sink(), &classes(), &Output::Softmax, [row]).unwrap_err()
    };
    assert_eq!(refused(None, &[0.5, 0.5]).to_string(), "a.jpg: 2 probabilities for 3 classes");
    let error = refused(Some(&[3]), &[0.5, 0.5, 0.0]);
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "a.jpg: truth 3, but there are 3 classes");
    let error = refused(Some(&[0, 1]), &[0.5, 0.5, 0.0]);
    assert_eq!(error.to_string(), "a.jpg: 2 labels, but here every picture has exactly one");
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
fn a_full_disk_is_reported() {
    let row = Prediction { path: "a", part: None, truth: None, values: &[0.0, 0.0, 1.0] };
    let error = write_predictions(Full, &classes(), &Output::Softmax, [row]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn pictures_of_several_parts_have_a_column_that_names_them() {
    let rows = [
        Prediction { path: "a.jpg", part: Some("test"), truth: Some(&[0]), values: &[0.5, 0.5, 0.0] },
        Prediction { path: "b.jpg", part: Some("fold 3"), truth: Some(&[1]), values: &[0.25, 0.25, 0.5] },
    ];
    let text = written(&Output::Softmax, rows);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("path,part,truth,predicted,correct,loss,p_cat"), "{text}");
    assert!(
        lines[1].starts_with("a.jpg,test,cat,cat,true,") && lines[2].starts_with("b.jpg,fold 3,dog,"),
        "{text}"
    );
}
