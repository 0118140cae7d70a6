//! Rules of tasks.

use jiff::tz::TimeZone;

use super::{
    app_context::AppContext,
    codes, cron, cross_resource,
    findings::Findings,
    path::Path,
    processors::{Caller, check_processors},
    rule, shared,
    valid::{Validate, ValidateUpdate},
};
use crate::api::{KasprTask, Schedule};

impl Validate for KasprTask {
    fn validate(&self, at: &Path, found: &mut Findings) {
        shared::component_metadata(&self.metadata, "-task", &at.child("metadata"), found);
        let at = at.child("spec");
        codes::check_size(self, found);
        shared::spec_name(&self.metadata, Some(&self.spec.name), &at, found);
        if let Some(schedule) = &self.spec.schedule {
            schedule.validate(&at.child("schedule"), found);
        }
        let at = at.child("processors");
        check_processors(&self.spec.processors, &at, &Caller::Task, found);
        for (i, operation) in self.spec.processors.operations.iter().flatten().enumerate() {
            if operation.filter.is_some() {
                let at = at.child("operations").index(i).child("filter");
                found.forbidden(
                    rule::TASK_FILTER,
                    at,
                    "may not be used in a task: the framework fails on it, filter in a map instead",
                );
            }
        }
    }
}

impl ValidateUpdate for KasprTask {
    fn register(&self, context: &mut AppContext) {
        context.add_task(self);
    }

    fn validate_in_app(&self, context: &AppContext, found: &mut Findings) {
        cross_resource::validate_task(self, context, found);
    }
}

impl Validate for Schedule {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.cron.is_some() && self.interval.is_some() {
            found.forbidden(rule::EXCLUSIVE, at.child("interval"), "must not be given together with cron");
        }
        if let Some(interval) = self.interval.as_ref().filter(|interval| !shared::is_duration(interval)) {
            found.invalid(rule::DURATION, at.child("interval"), interval.as_str(), shared::DURATION);
        }
        if let Some(cron) = &self.cron
            && let Err(why) = cron::check(cron)
        {
            found.invalid(rule::CRON, at.child("cron"), cron.as_str(), why);
        }
        if let Some(zone) = &self.timezone {
            // Members open a file with that name, so the spelling must be exact.
            if TimeZone::get(zone).map_or(true, |found| found.iana_name() != Some(zone)) {
                found.invalid(
                    rule::TIME_ZONE,
                    at.child("timezone"),
                    zone.as_str(),
                    "must be an IANA time zone, such as 'Europe/Berlin'",
                );
            }
            if self.cron.is_none() {
                found.warn(rule::NO_EFFECT, at.child("timezone"), "has no effect without cron");
            }
        }
    }
}
