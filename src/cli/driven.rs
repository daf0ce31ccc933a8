//! A run as a screen drives it, for those who measure screens and test them.

use std::path::Path;
use std::sync::Arc;

use crate::kernel::Digest;
use crate::scenario::Overrides;
use crate::tui::{About, Model, Pilot, Theme};

use super::about::about;
use super::failure::Failure;
use super::load::{Loaded, load_text};
use super::session::Session;

/// A simulated run that has not ended. Nothing of it is recorded.
pub struct Driven {
    session: Session,
    about: Arc<About>,
    title: String,
    seed: u64,
}

impl Driven {
    /// The run of a scenario before a screen: with a lens, and with a way back.
    ///
    /// # Errors
    /// What is wrong with the text, as a person reads it.
    pub fn on_screen(text: &str, name: &str) -> Result<Self, String> {
        Self::made(text, name, |loaded| Session::on_screen(loaded, None))
    }

    /// The same run without a screen.
    ///
    /// # Errors
    /// What is wrong with the text, as a person reads it.
    pub fn headless(text: &str, name: &str) -> Result<Self, String> {
        Self::made(text, name, |loaded| Session::new(loaded, None))
    }

    fn made(
        text: &str,
        name: &str,
        make: impl FnOnce(&Loaded) -> Result<Session, Failure>,
    ) -> Result<Self, String> {
        let overrides = Overrides::default();
        let loaded = load_text(text.to_owned(), Path::new(name), &overrides).map_err(told)?;
        let session = make(&loaded).map_err(told)?;
        let about = about(&loaded, name, &overrides);
        Ok(Self { session, about, title: loaded.scenario.name.clone(), seed: loaded.scenario.run.seed })
    }

    /// A screen on which nothing of this run has been seen.
    pub fn model(&self, theme: Theme) -> Model {
        Model::new(self.title.clone(), self.seed, theme, self.session.end()).about(Arc::clone(&self.about))
    }

    /// What drives it.
    pub fn pilot(&mut self) -> &mut dyn Pilot {
        &mut self.session
    }

    /// The digest of all facts up to where time stands.
    pub fn digest(&self) -> Digest {
        self.session.digest().expect("a simulated run has a digest")
    }
}

fn told(failure: Failure) -> String {
    match failure {
        Failure::Scenario(error) => error.render(false, 100),
        Failure::Usage(text) | Failure::Outside(text) | Failure::Bug(text) => text,
    }
}
