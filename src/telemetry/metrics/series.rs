//! Metric families with a series for each app or object, stored compactly. The vectors of the
//! `prometheus` crate store description, help text and label names with each series, which takes ten
//! times the memory. The `prometheus` crate encodes the exposition format.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use prometheus::{
    Error,
    core::{Collector, Desc},
    proto,
};

use crate::sync::lock;

/// Separates the label values in the key of a series. Names in Kubernetes cannot contain this character.
const SEPARATOR: char = '\0';

/// A metric with one series for each combination of label values. Clones share the series.
pub(super) struct Family<V>(Arc<Inner<V>>);

struct Inner<V> {
    desc: Desc,
    labels: &'static [&'static str],
    /// Upper bounds of the buckets of a histogram; empty for other types.
    bounds: Vec<f64>,
    series: Mutex<BTreeMap<Box<str>, V>>,
}

/// The value of a series.
pub(super) trait MetricValue: Default + Send + 'static {
    /// Metric type in Prometheus.
    const TYPE: proto::MetricType;

    /// Converts the value to the data model of Prometheus.
    fn to_proto(&self, bounds: &[f64]) -> proto::Metric;
}

/// A value that only increases.
#[derive(Default)]
pub(super) struct Counter(u64);

/// A value that increases and decreases.
#[derive(Default)]
pub(super) struct Gauge(i64);

/// Durations in seconds, counted by bucket.
#[derive(Default)]
pub(super) struct Histogram {
    sum: f64,
    /// Count of each bucket, not cumulative; the last bucket has no upper bound.
    counts: Box<[u64]>,
}

impl<V> Clone for Family<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A [`Family`] with any type of value.
pub(super) trait MetricFamily: Collector {
    /// Removes the series that have all of these labels and values.
    fn remove_series(&self, selector: &[(&str, &str)]);

    /// Removes all series if the family has this label.
    fn clear_if_labeled(&self, label: &str);
}

impl<V: MetricValue> Family<V> {
    /// Creates a family without series. `bounds` are the upper bounds of a histogram's buckets, in
    /// ascending order.
    ///
    /// # Errors
    ///
    /// The name or a label is not valid in Prometheus.
    pub(super) fn new(
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
        lock(&self.0.series)
    }

    fn update(&self, values: &[&str], update: impl FnOnce(&mut V)) {
        debug_assert_eq!(values.len(), self.0.labels.len());
        let key = values.join(&SEPARATOR.to_string());
        update(self.series().entry(key.into()).or_default());
    }
}

impl<V: MetricValue> MetricFamily for Family<V> {
    fn remove_series(&self, selector: &[(&str, &str)]) {
        let labels = self.0.labels;
        let has = |key: &str, (label, value): &(&str, &str)| {
            labels.iter().zip(key.split(SEPARATOR)).any(|(name, actual)| name == label && actual == *value)
        };
        self.series().retain(|key, _| !selector.iter().all(|label| has(key, label)));
    }

    fn clear_if_labeled(&self, label: &str) {
        if self.0.labels.contains(&label) {
            self.series().clear();
        }
    }
}

impl Family<Counter> {
    /// Increases the counter.
    pub(super) fn add(&self, values: &[&str], increment: u64) {
        self.update(values, |Counter(count)| *count += increment);
    }
}

impl Family<Gauge> {
    /// Sets the gauge.
    pub(super) fn set(&self, values: &[&str], value: i64) {
        self.update(values, |Gauge(current)| *current = value);
    }
}

impl Family<Histogram> {
    /// Records a duration.
    pub(super) fn observe(&self, values: &[&str], duration: Duration) {
        let (seconds, bounds) = (duration.as_secs_f64(), &self.0.bounds);
        self.update(values, |Histogram { sum, counts }| {
            if counts.is_empty() {
                *counts = vec![0; bounds.len() + 1].into();
            }
            *sum += seconds;
            counts[bounds.partition_point(|bound| *bound < seconds)] += 1;
        });
    }
}

impl MetricValue for Counter {
    const TYPE: proto::MetricType = proto::MetricType::COUNTER;

    #[expect(clippy::cast_precision_loss, reason = "Prometheus values are 64-bit floating point")]
    fn to_proto(&self, _: &[f64]) -> proto::Metric {
        let mut counter = proto::Counter::default();
        counter.set_value(self.0 as f64);
        let mut metric = proto::Metric::default();
        metric.set_counter(counter);
        metric
    }
}

impl MetricValue for Gauge {
    const TYPE: proto::MetricType = proto::MetricType::GAUGE;

    #[expect(clippy::cast_precision_loss, reason = "Prometheus values are 64-bit floating point")]
    fn to_proto(&self, _: &[f64]) -> proto::Metric {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(self.0 as f64);
        proto::Metric::from_gauge(gauge)
    }
}

impl MetricValue for Histogram {
    const TYPE: proto::MetricType = proto::MetricType::HISTOGRAM;

    fn to_proto(&self, bounds: &[f64]) -> proto::Metric {
        let mut cumulative = 0;
        let buckets = bounds.iter().zip(&self.counts).map(|(bound, count)| {
            cumulative += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(cumulative);
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

impl<V: MetricValue> Collector for Family<V> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let Inner { desc, labels, bounds, .. } = &*self.0;
        let metric = |key: &str, value: &V| {
            let pairs = labels.iter().zip(key.split(SEPARATOR)).map(|(name, value)| {
                let mut pair = proto::LabelPair::default();
                pair.set_name((*name).to_owned());
                pair.set_value(value.to_owned());
                pair
            });
            let mut metric = value.to_proto(bounds);
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
        /// The vectors of the `prometheus` crate are the reference.
        #[test]
        fn encodes_the_same_text_as_the_crates_vectors(times in prop::collection::vec((0..3_u8, 0..2_u8, 0..90_000_u32), 1..60)) {
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
    fn only_series_with_all_labels_are_removed() {
        let family = Family::<Counter>::new("c", "help", LABELS, &[]).expect("a family");
        for labels in [["a", "x"], ["a", "y"], ["x", "x"]] {
            family.add(&labels, 1);
        }
        family.remove_series(&[("app", "a"), ("result", "x")]);
        family.remove_series(&[("app", "x"), ("nothing", "x")]);
        assert_eq!(lines(&family)[2..], [r#"c{app="a",result="y"} 1"#, r#"c{app="x",result="x"} 1"#]);
        family.clear_if_labeled("nothing");
        assert_eq!(lines(&family).len(), 4);
        family.clear_if_labeled("app");
        assert!(family.series().is_empty());
    }
}
