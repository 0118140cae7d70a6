use super::{Authentication, AuthenticationType, KasprAppSpec};

impl KasprAppSpec {
    /// Returns the login to Kafka. Returns `None` also for authentication of type `plain` without user name and
    /// password, with which the Python operator configures no login.
    #[must_use]
    pub fn login(&self) -> Option<&Authentication> {
        self.authentication.as_ref().filter(|authentication| {
            authentication.r#type != AuthenticationType::Plain
                || authentication.username.as_deref().is_some_and(|name| !name.is_empty())
                || authentication.password_secret.is_some()
        })
    }
}
