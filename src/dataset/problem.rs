//! What can be wrong with a table of labels or with a sidecar.

use super::mismatch::short;

/// A label longer than this many bytes is refused: it is a text that came into the wrong column, or a quote that was
/// not closed.
pub const MAX_LABEL_BYTES: usize = 1000;

/// What is wrong in a line of a file with labels, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelProblem {
    /// Larger than any table of labels.
    #[error("the file is larger than {0} bytes; it cannot be a table of labels")]
    TooLarge(u64),
    /// Neither UTF-8 nor marked as UTF-16.
    #[error(
        "byte 0x{0:02X} is not UTF-8; save the file as UTF-8 (in a spreadsheet: `CSV UTF-8`), or as UTF-16 \
        with its byte order mark"
    )]
    Encoding(u8),
    /// Something else behind the byte order mark of UTF-16.
    #[error("the file begins with the mark of UTF-16, but this line is not UTF-16; save it again, as UTF-8")]
    Utf16,
    /// Bytes that are no text.
    #[error("a zero byte: this is no text file, or UTF-16 without its byte order mark; save it as UTF-8")]
    Zero,
    /// A quote that neither begins nor ends a field.
    #[error("a stray quote in {0:?}; put the whole field in quotes and write quotes inside it twice (\"\")")]
    StrayQuote(String),
    /// A quote without its partner.
    #[error(
        "the quote that opens here is never closed; close it, or write it twice (\"\") inside a quoted field"
    )]
    OpenQuote,
    /// A row that is not as wide as the header.
    #[error(
        "{found} fields, where the header has {expected}; put a field that contains the delimiter in quotes"
    )]
    Fields {
        /// In this row.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// The parser gave up.
    #[error("not readable as CSV: {0}")]
    Csv(String),
    /// A line that is not a JSON object.
    #[error(
        "not a JSON object ({0}); each line is one, such as {{\"file_name\": \"1.jpg\", \"label\": \"cat\"}}"
    )]
    Json(String),
    /// No header, or nothing below it.
    #[error("{0}; the first line names the columns, such as `file_name,label`, and each other is a picture")]
    NoRows(&'static str),
    /// The first line is already a picture.
    #[error(
        "the first line names the picture {0:?} and not the columns; put a line such as `file_name,label` above it"
    )]
    NoHeader(String),
    /// Two columns of one name.
    #[error("two columns are called {0:?}; rename one of them")]
    TwoColumns(String),
    /// A column that was asked for is not there.
    #[error("there is no column {wanted:?}, as {option} asks; the columns are {columns}")]
    NoColumn {
        /// The option that asks for it.
        option: &'static str,
        /// Its name.
        wanted: String,
        /// Those that are there.
        columns: String,
    },
    /// Nothing but columns of other kinds.
    #[error(
        "it has no column of text or of whole numbers that could hold the labels; add one, give them in another file (--labels FILE), or name \
        the column of floats that they are in with --label-column NAME"
    )]
    NoColumns,
    /// No column whose values are names of pictures.
    #[error(
        "cannot tell which column names the pictures: the columns are {0}; say it with --name-column NAME"
    )]
    NameColumn(String),
    /// No column that looks like labels.
    #[error(
        "cannot tell which column holds the labels: the columns are {0}; say it with --label-column NAME, once \
        for each column where the columns hold 0 or 1"
    )]
    LabelColumn(String),
    /// In a column of 0 and 1.
    #[error(
        "{value:?} in the column {column:?}, where the columns of labels hold 0 or 1; correct it, or give a single \
        --label-column"
    )]
    NotBinary {
        /// The column.
        column: String,
        /// What is in it.
        value: String,
    },
    /// In a column that divides the data.
    #[error(
        "{0:?} in the column {1:?}, which divides the data; give each row `train`, `val` or `test`, or rename the column"
    )]
    NotAPart(String, String),
    /// A number that is not that of a row, or of one that another row is already.
    #[error(
        "{value:?} in the column {column:?}, which says which row of the features a label is for: {}; number them from 0 to {}, or \
        rename the column",
        if *twice { "there is one for that row already" } else { "there is no such row" }, rows - 1
    )]
    NotARow {
        /// What is in it.
        value: String,
        /// The column.
        column: String,
        /// How many rows there are.
        rows: usize,
        /// Whether the row is there, and has a label already.
        twice: bool,
    },
    /// A JSON value that is no text, number or list of them.
    #[error("the value of {0:?} is neither text nor a number nor a list of them; make it one")]
    NotText(String),
    /// Nothing between two separators.
    #[error(
        "an empty label in {0:?}; remove the separator that is too many, or say with --separator what divides the labels"
    )]
    EmptyLabel(String),
    /// See [`MAX_LABEL_BYTES`].
    #[error(
        "a label of {bytes} bytes, {start:?}, where {MAX_LABEL_BYTES} are allowed; choose the column with \
        --label-column, or what divides its labels with --separator"
    )]
    LongLabel {
        /// Its length.
        bytes: usize,
        /// How it begins.
        start: String,
    },
    /// A label over several lines.
    #[error("a line break in the label {0:?}; a label is one line: perhaps a quote is missing")]
    LineBreak(String),
    /// In the column that says which row a line is of.
    #[error("{found:?} in the column `row`; it numbers the rows of the features, each from 0 to {} once: correct it, or remove the column where \
        lines are in their order", rows - 1)]
    RowNumber {
        /// What is in it.
        found: String,
        /// Rows of the features.
        rows: usize,
    },
    /// A row without label, where each picture has exactly one.
    #[error(
        "{0:?} has no label; give it one, or train with `--task multilabel`, where pictures may have none"
    )]
    NoLabel(String),
    /// A row with several labels, where each picture has exactly one.
    #[error(
        "{picture:?} has {count} labels ({labels}), and `--task multiclass` allows one; train with `--task multilabel`, \
        or take each cell as one label with `--separator none`"
    )]
    SeveralLabels {
        /// The picture.
        picture: String,
        /// How many labels it has.
        count: usize,
        /// The first of them.
        labels: String,
    },
}

impl LabelProblem {
    /// If `label` cannot be one. It is not empty, and trimmed.
    pub(super) fn of_label(label: &str) -> Option<Self> {
        if label.len() > MAX_LABEL_BYTES {
            return Some(Self::LongLabel { bytes: label.len(), start: short(label) });
        }
        label.contains(['\n', '\r', '\0']).then(|| Self::LineBreak(short(label)))
    }
}
