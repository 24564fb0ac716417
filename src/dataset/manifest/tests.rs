//! Every kind of table, and what is wrong with some.

use std::path::Path;

use super::super::testing::{folder, lines, shared, write};
use super::super::{
    Dataset, DatasetError, LabelChoice, LabelOptions, LabelProblem, LabelSource, Separator, Task,
};
use super::LabelColumns;

const PICTURES: [&str; 3] = ["1.jpg", "2.jpg", "3.jpg"];

/// Opens [`PICTURES`] with this table.
fn open_with(table: impl AsRef<[u8]>, options: LabelOptions) -> Result<Dataset, DatasetError> {
    named("t.csv", table, options)
}

fn named(file: &str, table: impl AsRef<[u8]>, options: LabelOptions) -> Result<Dataset, DatasetError> {
    let root = folder(&PICTURES);
    let path = write(root.path(), file, table);
    Dataset::open(root.path(), &LabelOptions { source: Some(LabelChoice::Manifest(path)), ..options })
}

fn open(table: impl AsRef<[u8]>) -> Result<Dataset, DatasetError> {
    open_with(table, LabelOptions::default())
}

/// The line and the problem.
fn refused(table: impl AsRef<[u8]>) -> (u64, LabelProblem) {
    problem(open(table))
}

fn problem(outcome: Result<Dataset, DatasetError>) -> (u64, LabelProblem) {
    match outcome {
        Err(DatasetError::InFile { file, line, problem }) => {
            assert!(!file.as_os_str().is_empty());
            (line, problem)
        }
        other => panic!("{other:?}"),
    }
}

fn multilabel() -> LabelOptions {
    LabelOptions { task: Some(Task::Multilabel), ..LabelOptions::default() }
}

#[test]
fn planet() {
    let data = open("image_name,tags\n1,haze primary\n2,clear\n3,clear primary water\n").unwrap();
    assert_eq!(lines(&data), ["1.jpg: haze, primary", "2.jpg: clear", "3.jpg: clear, primary, water"]);
    assert_eq!((data.task, data.labels), (Task::Multilabel, LabelSource::Manifest));
    assert_eq!(data.classes, ["clear", "haze", "primary", "water"]);
    let explained = data.explained();
    assert!(
        explained.ends_with("t.csv, names in `image_name`, lists of labels in `tags` divided by spaces"),
        "{explained}"
    );
    assert!(data.mismatches.is_empty() && data.unlabelled.is_empty());
}

#[test]
fn file_name_and_label() {
    let data = open("file_name,label\n3.jpg,golden retriever\n1.jpg,cat\n2.jpg,cat\n").unwrap();
    assert_eq!(lines(&data), ["1.jpg: cat", "2.jpg: cat", "3.jpg: golden retriever"]);
    assert_eq!(data.task, Task::Multiclass);
    let column = "label".to_owned();
    assert_eq!(data.manifest.unwrap().labels, LabelColumns::Whole { column });
}

#[test]
fn json_lines() {
    let table = "{\"file_name\": \"1.jpg\", \"labels\": [\"a\", \"b c\"]}\n\n{\"file_name\": \"2.jpg\", \"labels\": []}\n\
                 {\"file_name\": \"3.jpg\", \"extra\": {\"x\": 1}, \"labels\": [\"a\"]}\n";
    let data = named("m.jsonl", table, LabelOptions::default()).unwrap();
    assert_eq!(lines(&data), ["1.jpg: a, b c", "2.jpg: ", "3.jpg: a"]);
    let table = "{\"file_name\": \"1.jpg\", \"label\": 7}\n{\"file_name\": \"2.jpg\", \"label\": 10}\n";
    let data = named("m.jsonl", table, LabelOptions::default()).unwrap();
    assert_eq!(lines(&data), ["1.jpg: 7", "2.jpg: 10"]);
    assert_eq!(data.classes, ["10", "7"]);
    let (line, found) = problem(named("m.jsonl", "{\"file_name\": \"1\"}\n[1]\n", LabelOptions::default()));
    assert!(matches!(found, LabelProblem::Json(_)) && line == 2, "{found}");
    let table =
        "{\"file_name\": \"1.jpg\", \"label\": \"a\"}\n{\"file_name\": \"2.jpg\", \"label\": {\"b\": 1}}";
    let expected = (2, LabelProblem::NotText("label".into()));
    assert_eq!(problem(named("m.jsonl", table, LabelOptions::default())), expected);
}

#[test]
fn one_hot() {
    let data =
        open("filename, car, person,dog\n1.jpg, 1, 0,0\n2.jpg, 0.0, 0,false\n3.jpg, 1.0, TRUE,0\n").unwrap();
    assert_eq!(lines(&data), ["1.jpg: car", "2.jpg: ", "3.jpg: car, person"]);
    assert_eq!(data.task, Task::Multilabel);
    assert_eq!(data.mismatches.unused_labels, ["dog"]);
    assert!(data.explained().contains("3 columns of 0 and 1, `car` to `dog`"), "{}", data.explained());
    let columns = |columns: &[&str]| LabelOptions {
        label_columns: columns.iter().map(|c| (*c).into()).collect(),
        ..LabelOptions::default()
    };
    let table = "id,a,b,width\n1,1,0,640\n2,0,1,1\n3,1,1,0\n";
    assert_eq!(open(table).unwrap().classes, ["a", "b"]);
    assert_eq!(lines(&open_with(table, columns(&["a", "b"])).unwrap())[2], "3.jpg: a, b");
    let (line, found) = problem(open_with(table, columns(&["a", "width"])));
    assert_eq!((line, found), (2, LabelProblem::NotBinary { column: "width".into(), value: "640".into() }));
    // One slip in a column of 0 and 1 is told, and no reason to lose a label.
    let slip = |value: &str| {
        let row = |i: usize| format!("{i},1,0,{}\n", if i == 7 { value } else { "1" });
        format!("id,a,b,c\n{}", (1..=10).map(row).collect::<String>())
    };
    assert_eq!(open(slip("0")).unwrap().classes, ["a", "c"]);
    for value in ["", "x"] {
        let (line, found) = problem(open(slip(value)));
        assert_eq!(line, 8);
        assert!(matches!(found, LabelProblem::NotBinary { column, .. } if column == "c"));
    }
}

#[test]
fn lists_and_their_separators() {
    let cells = |separator: &str| {
        format!("file;tags\n1.jpg;a{separator}b\n2.jpg;b\n3.jpg;b{separator}c d{separator}\n")
    };
    let data = open(cells("|")).unwrap();
    assert_eq!(lines(&data)[2], "3.jpg: b, c d");
    let with = |separator, table: &str| {
        open_with(table, LabelOptions { separator: Some(separator), ..LabelOptions::default() })
    };
    let text = |text: &str| Separator::Text(text.into());
    assert_eq!(lines(&with(text(" & "), &cells(" & ")).unwrap())[2], "3.jpg: b, c d");
    assert_eq!(lines(&with(Separator::Space, &cells(" ")).unwrap())[2], "3.jpg: b, c, d");
    assert_eq!(lines(&with(Separator::Whole, &cells("|")).unwrap())[0], "1.jpg: a|b");
    // A column called `label` is a list only where that was said, or where pictures may have several.
    let table = "file,label\n1.jpg,\"a,b\"\n2.jpg,b\n3.jpg,c\n";
    assert_eq!(open(table).unwrap().classes, ["a,b", "b", "c"]);
    assert_eq!(open_with(table, multilabel()).unwrap().classes, ["a", "b", "c"]);
    assert_eq!(with(text(","), table).unwrap().classes, ["a", "b", "c"]);
    assert_eq!(refused("file,tags\n1,a|b\n2,a||b\n"), (3, LabelProblem::EmptyLabel("a||b".into())));
}

#[test]
fn tabs_semicolons_quotes_line_ends_and_blank_lines() {
    let expected = ["1.jpg: a", "2.jpg: b, \"c\"", "3.jpg: d"];
    for end in ["\n", "\r\n", "\r"] {
        let table = format!(
            "file_name,label{end}{end}1.jpg,a{end}\"2.jpg\",\"b, \"\"c\"\"\"{end}{end}{end}3.jpg, d "
        );
        let data = open(&table).unwrap();
        assert_eq!(lines(&data), expected, "{end:?}");
        let (line, _) = refused(format!("{table}{end}4.jpg,x,y"));
        assert_eq!(line, 8, "{end:?}");
    }
    let data = named("t.tsv", "file_name\tlabel\n1.jpg\ta, b\n2.jpg\tc\n", LabelOptions::default()).unwrap();
    assert_eq!(lines(&data), ["1.jpg: a, b", "2.jpg: c"]);
    let utf16: Vec<u8> =
        "\u{feff}file_name;label\r\n1.jpg;é\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(lines(&open(utf16).unwrap()), ["1.jpg: é"]);
}

#[test]
fn columns_by_their_names_and_by_what_is_in_them() {
    let data = open("id,path,label\n7,1.jpg,a\n8,2.jpg,b\n").unwrap();
    assert_eq!(data.manifest.unwrap().name_column.as_deref(), Some("path"));
    // `id` is a name like others, but leads to no picture here.
    let data = open("id,what,label\nx,1.jpg,a\ny,2,b\n").unwrap();
    assert_eq!(data.manifest.unwrap().name_column.as_deref(), Some("what"));
    let data = open("Filename,Animal\n1.jpg,a\n2.jpg,b\n").unwrap();
    assert_eq!(lines(&data), ["1.jpg: a", "2.jpg: b"]);
    let asked = LabelOptions {
        name_column: Some("second".into()),
        label_columns: vec!["kind".into()],
        ..LabelOptions::default()
    };
    let data =
        open_with("file,second,label,kind\n1.jpg,2.jpg,x,a\n2.jpg,1.jpg,y,b\n", asked.clone()).unwrap();
    assert_eq!(lines(&data), ["1.jpg: b", "2.jpg: a"]);
    let (line, found) = problem(open_with("file,label\n1.jpg,x\n", asked));
    let text = found.to_string();
    assert!(line == 1 && text.contains("\"second\"") && text.contains("--name-column"), "{text}");
    assert!(text.contains("`file`, `label`"), "{text}");
}

#[test]
fn a_column_that_divides() {
    let data = open("file,label,split\n1,a,train\n2,b,valid\n3,a,test\n").unwrap();
    assert_eq!(lines(&data), ["1.jpg: a [Train]", "2.jpg: b [Val]", "3.jpg: a [Test]"]);
    assert!(data.explained().ends_with("parts in `split`"), "{}", data.explained());
    assert_eq!(
        refused("file,label,split\n1,a,train\n2,b,\n3,a,test\n"),
        (3, LabelProblem::NotAPart(String::new(), "split".into()))
    );
    assert!(!open("file,label,split\n1,a,0\n2,b,1\n3,a,2\n").unwrap().parts_given());
}

#[test]
fn what_does_not_fit_is_counted_and_listed_and_is_an_error_if_asked() {
    let table = "file_name,label\n1.jpg,a\n1.jpg,a\n2.jpg,a\n2,b\nnone.jpg,z\n";
    let root = folder(&["1.jpg", "2.jpg", "3.jpg", "4.jpg"]);
    let path = write(root.path(), "t.csv", format!("{table}4.jpg,b\n"));
    let mut options = LabelOptions::from(LabelChoice::Manifest(path));
    let data = Dataset::open(root.path(), &options).unwrap();
    assert_eq!(lines(&data), ["1.jpg: a", "4.jpg: b"]);
    let found = &data.mismatches;
    assert_eq!(found.pictures_without_row, ["3.jpg"]);
    let listed = |mentions: &[super::super::Mention]| {
        let lines = |rows: &[String]| rows.iter().map(|r| r.rsplit(':').next().unwrap().to_owned()).collect();
        mentions.iter().map(|m| (m.name.clone(), lines(&m.rows))).collect::<Vec<(String, Vec<String>)>>()
    };
    assert_eq!(listed(&found.duplicates), [("1.jpg".into(), vec!["2".into(), "3".into()])]);
    assert_eq!(listed(&found.conflicts), [("2.jpg".into(), vec!["4".into(), "5".into()])]);
    assert_eq!(listed(&found.rows_without_picture), [("none.jpg".into(), vec!["6".into()])]);
    assert_eq!(found.unused_labels, ["z"]);
    assert_eq!(found.describe().len(), 5);
    assert_eq!(data.unlabelled, ["2.jpg", "3.jpg"].map(Path::new));
    options.strict = true;
    let error = Dataset::open(root.path(), &options).unwrap_err().to_string();
    for part in ["none.jpg", "3.jpg", "contradict", "all alike", "--strict"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let fits = LabelOptions { strict: true, ..LabelOptions::default() };
    assert!(open_with("file_name,label\n1,a\n2,b\n3,a\n", fits).is_ok());
}

#[test]
fn pictures_without_labels_and_with_several() {
    let none = "file_name,label\n1.jpg,a\n2.jpg,\n3.jpg,b\n";
    assert_eq!(refused(none), (3, LabelProblem::NoLabel("2.jpg".into())));
    assert_eq!(lines(&open_with(none, multilabel()).unwrap())[1], "2.jpg: ");
    let several = "file_name,tags\n1.jpg,a\n2.jpg,a b\n3.jpg,b\n";
    let multiclass = LabelOptions { task: Some(Task::Multiclass), ..LabelOptions::default() };
    let (line, found) = problem(open_with(several, multiclass));
    let text = found.to_string();
    assert!(line == 3 && text.contains("\"2.jpg\" has 2 labels (a, b)"), "{text}");
    assert_eq!(open_with("file_name,tags\n1,a\n2,b\n", multilabel()).unwrap().task, Task::Multilabel);
}

#[test]
fn broken_tables_are_refused_with_their_line() {
    use LabelProblem::{Encoding, Fields, LineBreak, NoHeader, NoRows, OpenQuote, StrayQuote, TwoColumns};
    let cases: Vec<(&[u8], (u64, LabelProblem))> = vec![
        (b"file_name,label\n1.jpg\n", (2, Fields { found: 1, expected: 2 })),
        (b"file_name,label\n1.jpg,a\n2.jpg,a,b\n", (3, Fields { found: 3, expected: 2 })),
        (b"file_name,label\n1.jpg,5\" nail\n", (2, StrayQuote("5\" nail".into()))),
        (
            b"file_name,label\n1.jpg,a\n\"2.jpg,b\n3.jpg,\"c\"\n",
            (4, StrayQuote("\"2.jpg,b\\n3.jpg,\"c\"".into())),
        ),
        (b"file_name,label\n1.jpg,a\n2.jpg,\"b\n3.jpg,c\n", (3, OpenQuote)),
        (b"file_name,label\n1.jpg,caf\xe9\n", (2, Encoding(0xe9))),
        (b"file_name,label\n1.jpg,\"a\nb\"\n", (2, LineBreak("a\\nb".into()))),
        (b"file_name,label,label\n1.jpg,a,b\n", (1, TwoColumns("label".into()))),
        (b"", (1, NoRows("the file is empty"))),
        (b"file_name,label\n", (1, NoRows("there are no rows"))),
        (b"1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n", (1, NoHeader("1.jpg".into()))),
        (b"file_name\n1.jpg\n", (1, LabelProblem::LabelColumn("`file_name`".into()))),
        (
            b"file_name,width,height\n1.jpg,3,4\n",
            (1, LabelProblem::LabelColumn("`file_name`, `width`, `height`".into())),
        ),
        (b"x,y\na,b\n", (1, LabelProblem::NameColumn("`x`, `y`".into()))),
    ];
    for (table, expected) in cases {
        assert_eq!(refused(table), expected, "{}", String::from_utf8_lossy(table));
    }
    let error = open("file_name,label\nx.jpg,a\n").unwrap_err();
    assert!(matches!(&error, DatasetError::NothingNamed { row, .. } if row == "x.jpg"), "{error}");
    assert!(error.to_string().contains("t.csv"), "{error}");
}

#[test]
fn long_labels_and_very_many() {
    let label = "x".repeat(10_000);
    let (line, found) = refused(format!("file_name,label\n1.jpg,a\n2.jpg,{label}\n"));
    assert!(line == 3 && matches!(found, LabelProblem::LongLabel { bytes: 10_000, .. }), "{found}");
    assert!(found.to_string().len() < 400, "{found}");
    let longest = "é".repeat(500);
    assert_eq!(open(format!("file_name,label\n1.jpg,{longest}\n2.jpg,a\n")).unwrap().classes[1], longest);
    let many: Vec<String> = (0..100_000).map(|n| format!("label{n}")).collect();
    let data =
        open(format!("file_name,tags\n1.jpg,{}\n2.jpg,label0\n3.jpg,label5\n", many.join(" "))).unwrap();
    assert_eq!((data.classes.len(), data.samples[0].labels.len()), (100_000, 100_000));
    let zeros = vec!["1"; 100_000].join(",");
    let data = open(format!("file_name,{}\n1.jpg,{zeros}\n", many.join(","))).unwrap();
    assert_eq!(data.samples[0].labels.len(), 100_000);
}

/// Whatever bytes a table has, the answer is labels or an error.
#[test]
fn broken_bytes_never_panic() {
    use rand::{Rng, RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let seeds: [&[u8]; 5] = [
        b"file_name,label\n1.jpg,a\n\"2.jpg\",\"b,\"\"c\"\n3.jpg,d\n",
        b"image_name\ttags\tsplit\r\n1\ta|b\ttrain\r\n2\t\ttest\r\n",
        b"{\"file_name\": \"1.jpg\", \"labels\": [\"a\", 1]}\n{\"file_name\": \"2\", \"labels\": null}\n",
        b"f;x;y\n1.jpg;0;1\n2.jpg;1;1.0\n",
        b"\xff\xfef\0,\0l\0\n\x001\0,\0a\0\n\0",
    ];
    let pieces: &[&[u8]] = &[
        b"\"",
        b"\n",
        b"\r",
        b",",
        b"\0",
        b"\xff",
        b"\xc3",
        b"{",
        b"]",
        b"",
        b" ",
        b"|",
        b"\xef\xbb\xbf",
        b"1.jpg",
    ];
    let root = folder(&PICTURES);
    let (mut fine, mut wrong) = (0, 0);
    for round in 0..1500 {
        let mut table = seeds[round % seeds.len()].to_vec();
        for _ in 0..=(round % 4) {
            let at = random.random_range(0..=table.len());
            let end = (at + random.random_range(0..3)).min(table.len());
            let piece = pieces[random.random_range(0..pieces.len())];
            table.splice(at..end, piece.iter().copied());
        }
        if round % 7 == 0 {
            let mut noise = vec![0; 40];
            random.fill_bytes(&mut noise);
            table.extend(noise);
        }
        let path = write(root.path(), if round % 2 == 0 { "t.csv" } else { "t.jsonl" }, table);
        let path = if round % 2 == 1 && round % 5 != 2 {
            write(root.path(), "t.tsv", std::fs::read(path).unwrap())
        } else {
            path
        };
        match Dataset::open(root.path(), &LabelChoice::Manifest(path).into()) {
            Ok(data) => {
                fine += 1;
                assert!(data.samples.iter().all(|s| s.labels.is_sorted()));
            }
            Err(error) => {
                wrong += 1;
                assert!(error.to_string().len() < 2000);
            }
        }
    }
    assert!(fine > 50 && wrong > 300, "{fine} fine, {wrong} wrong");
}

#[test]
fn the_layout_of_planet_on_real_pictures() {
    let Some(root) = shared("ucmerced-multilabel") else { return };
    let table = LabelChoice::Manifest(root.join("train_v2.csv"));
    for data in [root.join("train-jpg"), root.clone()] {
        let data = Dataset::open(&data, &table.clone().into()).unwrap();
        assert_eq!((data.samples.len(), data.classes.len(), data.task), (2100, 17, Task::Multilabel));
        assert!(data.mismatches.is_empty() && data.mismatches.unused_labels.is_empty());
        let labels: usize = data.samples.iter().map(|s| s.labels.len()).sum();
        assert!((6900..7100).contains(&labels), "{labels}");
        assert_eq!(lines(&data)[0].split('/').next_back(), Some("agricultural00.jpg: field, trees"));
    }
}
