//! Control planes of which parts are left out.

#![allow(clippy::unwrap_used)]

mod common;

use common::{eventually, run};
use control_plane::ControlPlane;

fn names(plane: &ControlPlane) -> Vec<&'static str> {
    plane.pids().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn etcd_and_api_server_are_enough_to_store_objects() {
    let builder = ControlPlane::builder().without_controller_manager();
    let plane = builder.without_scheduler().start().unwrap();
    assert_eq!(names(&plane), ["etcd", "kube-apiserver"]);
    let namespace = plane.new_namespace("bare").unwrap();
    run(plane.kubectl().args(["get", "namespace", &namespace])).unwrap();
}

#[test]
fn the_controller_manager_collects_garbage_without_a_node() {
    let builder = ControlPlane::builder().without_scheduler().without_kwok();
    let plane = builder.start().unwrap();
    assert_eq!(names(&plane), ["etcd", "kube-apiserver", "kube-controller-manager"]);
    let namespace = plane.new_namespace("garbage").unwrap();
    let kubectl = |args: &[&str]| run(plane.kubectl().args(["-n", &namespace]).args(args)).unwrap();
    kubectl(&["create", "deployment", "app", "--image=none"]);
    let pods = || kubectl(&["get", "replicasets,pods", "-o", "name"]);
    eventually("there is a pod", || pods().contains("pod/"));
    kubectl(&["delete", "deployment", "app"]);
    eventually("replica set and pod are gone", || pods().is_empty());
}
