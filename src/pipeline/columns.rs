//! Rows by the names of their columns, where a model knows its features by names.

use super::{Input, Origin, Rows};
use crate::error::Result;
use crate::features::{Descriptor, Given};
use crate::model::Model;

impl Rows {
    /// The rows as `model` takes them: the columns that it was trained on, in their order, where it and the rows know columns by names.
    /// Others are taken as they stand.
    ///
    /// # Errors
    /// A column lacks.
    pub(super) fn for_model(&self, model: &Model) -> Result<Self> {
        let source = match &model.columns {
            Some(names) if self.source.names() != Some(names) => self.source.named(names)?,
            _ => None,
        };
        Ok(match source {
            Some(source) => {
                let descriptor = Descriptor::Given(Given { columns: source.columns() });
                Self { descriptor, source, ..self.clone() }
            }
            None => self.clone(),
        })
    }
}

impl Input<'_> {
    /// The same with rows as `model` takes them.
    ///
    /// # Errors
    /// As for [`Rows::for_model`].
    pub(super) fn for_model(self, model: &Model) -> Result<Self> {
        let origin = match self.origin {
            Origin::Rows(rows) => Origin::Rows(rows.for_model(model)?),
            other => other,
        };
        Ok(Self { origin, ..self })
    }

    /// What the columns of its rows are called, if they are.
    pub(super) fn columns(&self) -> Option<Vec<String>> {
        match &self.origin {
            Origin::Rows(rows) => rows.source.names().map(<[String]>::to_vec),
            _ => None,
        }
    }
}
