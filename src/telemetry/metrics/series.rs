//! Families with series for each app and object, in little memory: the vectors of the `prometheus`
//! crate keep description, help and label names with each series, ten times of what is kept here.
//! What Prometheus reads is made by the crate.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus::{
    Error,
    core::{Collector, Desc},
    proto,
};

/// Stands between the label values of a series; no name of Kubernetes has it.
const BETWEEN: char = '\0';

/// A family of series, told apart by their labels' values. Clones share the series.
pub struct Family<V>(Arc<Inner<V>>);

struct Inner<V> {
    desc: Desc,
    labels: &'static [&'static str],
    /// The upper bounds of a histogram's buckets.
    bounds: Vec<f64>,
    series: Mutex<BTreeMap<Box<str>, V>>,
}

/// What a series counts.
pub trait Count: Default + Send + 'static {
    /// How Prometheus calls it.
    const TYPE: proto::MetricType;

    /// As Prometheus reads it.
    fn metric(&self, bounds: &[f64]) -> proto::Metric;
}

/// Goes up.
#[derive(Default)]
pub struct Counter(u64);

/// Goes up and down.
#[derive(Default)]
pub struct Gauge(i64);

/// Seconds, by the buckets that they fall into.
#[derive(Default)]
pub struct Histogram {
    sum: f64,
    /// Of each bucket, without those below it; the last one has no bound.
    counts: Box<[u64]>,
}

impl<V> Clone for Family<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A family, whatever it counts.
pub trait AnyFamily: Collector {
    /// Ends the series with all these labels.
    fn forget(&self, whose: &[(&str, &str)]);

    /// Ends every series, if this label tells them apart.
    fn forget_all(&self, label: &str);
}

impl<V: Count> Family<V> {
    /// A family without series. `bounds` are of a histogram's buckets, ascending.
    ///
    /// Errors: a name or label that Prometheus does not take.
    pub fn new(
        name: &str,
        help: &str,
        labels: &'static [&'static str],
        bounds: &[f64],
    ) -> Result<Self, Error> {
        let names = labels.iter().map(|label| (*label).to_owned()).collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), names, HashMap::new())?;
        Ok(Self(Arc::new(Inner { desc, labels, bounds: bounds.to_vec(), series: Mutex::default() })))
    }

    fn series(&self) -> MutexGuard<'_, BTreeMap<Box<str>, V>> {
        self.0.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, values: &[&str], change: impl FnOnce(&mut V)) {
        debug_assert_eq!(values.len(), self.0.labels.len());
        let key = values.join(&BETWEEN.to_string());
        change(self.series().entry(key.into()).or_default());
    }
}

impl<V: Count> AnyFamily for Family<V> {
    fn forget(&self, whose: &[(&str, &str)]) {
        let labels = self.0.labels;
        let is = |key: &str, (label, value): &(&str, &str)| {
            labels.iter().zip(key.split(BETWEEN)).any(|(name, is)| name == label && is == *value)
        };
        self.series().retain(|key, _| !whose.iter().all(|label| is(key, label)));
    }

    fn forget_all(&self, label: &str) {
        if self.0.labels.contains(&label) {
            self.series().clear();
        }
    }
}

impl Family<Counter> {
    /// Counts that many more.
    pub fn add(&self, values: &[&str], more: u64) {
        self.change(values, |Counter(count)| *count += more);
    }
}

impl Family<Gauge> {
    /// Shows another value.
    pub fn set(&self, values: &[&str], value: i64) {
        self.change(values, |Gauge(shown)| *shown = value);
    }
}

impl Family<Histogram> {
    /// Counts a time.
    pub fn observe(&self, values: &[&str], time: Duration) {
        let (seconds, bounds) = (time.as_secs_f64(), &self.0.bounds);
        self.change(values, |Histogram { sum, counts }| {
            if counts.is_empty() {
                *counts = vec![0; bounds.len() + 1].into();
            }
            *sum += seconds;
            counts[bounds.partition_point(|bound| *bound < seconds)] += 1;
        });
    }
}

impl Count for Counter {
    const TYPE: proto::MetricType = proto::MetricType::COUNTER;

    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
    fn metric(&self, _: &[f64]) -> proto::Metric {
        let mut counter = proto::Counter::default();
        counter.set_value(self.0 as f64);
        let mut metric = proto::Metric::default();
        metric.set_counter(counter);
        metric
    }
}

impl Count for Gauge {
    const TYPE: proto::MetricType = proto::MetricType::GAUGE;

    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
    fn metric(&self, _: &[f64]) -> proto::Metric {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(self.0 as f64);
        proto::Metric::from_gauge(gauge)
    }
}

impl Count for Histogram {
    const TYPE: proto::MetricType = proto::MetricType::HISTOGRAM;

    fn metric(&self, bounds: &[f64]) -> proto::Metric {
        let mut so_far = 0;
        let buckets = bounds.iter().zip(&self.counts).map(|(bound, count)| {
            so_far += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(so_far);
            bucket
        });
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(self.counts.iter().sum());
        histogram.set_sample_sum(self.sum);
        let mut metric = proto::Metric::default();
        metric.set_histogram(histogram);
        metric
    }
}

impl<V: Count> Collector for Family<V> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let Inner { desc, labels, bounds, .. } = &*self.0;
        let metric = |key: &str, value: &V| {
            let pairs = labels.iter().zip(key.split(BETWEEN)).map(|(name, value)| {
                let mut pair = proto::LabelPair::default();
                pair.set_name((*name).to_owned());
                pair.set_value(value.to_owned());
                pair
            });
            let mut metric = value.metric(bounds);
            metric.set_label(pairs.collect());
            metric
        };
        let mut family = proto::MetricFamily::default();
        family.set_name(desc.fq_name.clone());
        family.set_help(desc.help.clone());
        family.set_field_type(V::TYPE);
        family.set_metric(self.series().iter().map(|(key, value)| metric(key, value)).collect());
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, TextEncoder};
    use proptest::prelude::*;

    use super::*;

    const LABELS: &[&str] = &["app", "result"];

    fn lines(collector: &impl Collector) -> Vec<String> {
        let text = TextEncoder::new().encode_to_string(&collector.collect()).expect("text");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    proptest! {
        /// The crate's own vectors are the yardstick.
        #[test]
        fn shows_what_the_crates_vectors_show(times in prop::collection::vec((0..3_u8, 0..2_u8, 0..90_000_u32), 1..60)) {
            let bounds = [0.1, 0.5, 1.0, 30.0, 60.0];
            let counter = Family::<Counter>::new("c", "help", LABELS, &[]).expect("a family");
            let gauge = Family::<Gauge>::new("g", "help", LABELS, &[]).expect("a family");
            let histogram = Family::<Histogram>::new("h", "help", LABELS, &bounds).expect("a family");
            let counters = IntCounterVec::new(Opts::new("c", "help"), LABELS).expect("a vector");
            let gauges = IntGaugeVec::new(Opts::new("g", "help"), LABELS).expect("a vector");
            let opts = HistogramOpts::new("h", "help").buckets(bounds.to_vec());
            let histograms = HistogramVec::new(opts, LABELS).expect("a vector");
            for (app, result, millis) in times {
                let (app, result) = (format!("app-{app}"), result.to_string());
                let labels = [app.as_str(), result.as_str()];
                counter.add(&labels, millis.into());
                counters.with_label_values(&labels).inc_by(millis.into());
                gauge.set(&labels, millis.into());
                gauges.with_label_values(&labels).set(millis.into());
                let time = Duration::from_millis(millis.into());
                histogram.observe(&labels, time);
                histograms.with_label_values(&labels).observe(time.as_secs_f64());
            }
            prop_assert_eq!(lines(&counter), lines(&counters));
            prop_assert_eq!(lines(&gauge), lines(&gauges));
            prop_assert_eq!(lines(&histogram), lines(&histograms));
        }
    }

    #[test]
    fn only_the_series_with_all_labels_are_forgotten() {
        let family = Family::<Counter>::new("c", "help", LABELS, &[]).expect("a family");
        for labels in [["a", "x"], ["a", "y"], ["x", "x"]] {
            family.add(&labels, 1);
        }
        family.forget(&[("app", "a"), ("result", "x")]);
        family.forget(&[("app", "x"), ("nothing", "x")]);
        assert_eq!(lines(&family)[2..], [r#"c{app="a",result="y"} 1"#, r#"c{app="x",result="x"} 1"#]);
        family.forget_all("nothing");
        assert_eq!(lines(&family).len(), 4);
        family.forget_all("app");
        assert!(family.series().is_empty());
    }
}
