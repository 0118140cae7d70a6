//! The main use case on an embedded control plane: invalid manifests are rejected, valid manifests become workloads.
//!
//! `make demo` runs until Ctrl-C, `make demo ONCE=1` exits by itself.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    thread,
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, Operator};

/// Timeout for all workloads to become ready.
const DEADLINE: Duration = Duration::from_secs(60);

/// Namespace of the examples.
const NAMESPACE: &str = "demo";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(problems) => {
            eprintln!("\n{problems} steps failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<usize> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    println!("Starting a control plane (the first run builds it, which takes some minutes) …");
    let plane = ControlPlane::start().map_err(io::Error::other)?;
    println!("Starting the operator: kaspr-operator run --local");
    let log = plane.log_dir().join("kaspr-operator.log");
    let mut operator = Operator::start(&binary()?, plane.kubeconfig(), &log, &["--local"])?;
    println!("The webhooks listen at {}\n", operator.ready()?);
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/cluster.yaml");
    plane.kubectl().args(["apply", "--server-side", "-f"]).arg(cluster).output()?;
    kubectl(&plane, &["create", "namespace", NAMESPACE])?;

    let mut problems = refused(&plane, &examples.join("refused"))?;
    problems += made(&plane, &examples)?;

    if env::var_os("ONCE").is_none_or(|once| once.is_empty()) {
        look_around(&plane, &log);
    }
    Ok(problems)
}

/// Prints commands to inspect the cluster, and waits for Ctrl-C. All child processes end together with this
/// process.
fn look_around(plane: &ControlPlane, log: &Path) -> ! {
    println!("\nInspect the cluster:");
    println!("  export KUBECONFIG={}", plane.kubeconfig().display());
    println!("  export PATH={}:$PATH", plane.kubectl_path().parent().unwrap_or(Path::new(".")).display());
    println!("  kubectl get kaspr -n {NAMESPACE}");
    println!("  kubectl explain kasprapp.spec.pythonPackages");
    println!("  less {}", log.display());
    println!("\nRunning until Ctrl-C.");
    loop {
        thread::park();
    }
}

/// Applies the manifests that must be rejected, and prints the errors. Returns how many were accepted.
fn refused(plane: &ControlPlane, folder: &Path) -> io::Result<usize> {
    println!("Rejected manifests:\n");
    let mut problems = 0;
    for file in manifests(folder)? {
        let output = apply(plane, &file)?;
        println!("$ kubectl apply -f {}", shown(&file));
        if output.status.success() {
            println!("  accepted, but expected to be rejected");
            problems += 1;
        }
        print_indented(&String::from_utf8_lossy(&output.stderr));
    }
    Ok(problems)
}

/// Applies the valid manifests, and waits until they run. Returns how many steps failed.
fn made(plane: &ControlPlane, folder: &Path) -> io::Result<usize> {
    println!("\nAccepted manifests:\n");
    let mut problems = 0;
    for file in manifests(folder)? {
        let output = apply(plane, &file)?;
        println!("$ kubectl apply -f {}", shown(&file));
        print_indented(&String::from_utf8_lossy(&output.stdout));
        print_indented(&String::from_utf8_lossy(&output.stderr));
        problems += usize::from(!output.status.success());
    }
    let begun = Instant::now();
    let wait = ["wait", "-n", NAMESPACE, "kasprapp", "--all", "--for=condition=Ready", "--timeout=60s"];
    let waited = kubectl(plane, &wait)?;
    problems += usize::from(!waited.status.success());
    println!(
        "\nAll apps are ready after another {:.1} s. Created objects:\n",
        begun.elapsed().min(DEADLINE).as_secs_f64()
    );
    for list in [
        &["get", "kaspr", "-n", NAMESPACE][..],
        &[
            "get",
            "statefulset,service,horizontalpodautoscaler,configmap,persistentvolumeclaim",
            "-n",
            NAMESPACE,
        ],
    ] {
        println!("$ kubectl {}", list.join(" "));
        print_indented(&String::from_utf8_lossy(&kubectl(plane, list)?.stdout));
        println!();
    }
    Ok(problems)
}

fn apply(plane: &ControlPlane, file: &Path) -> io::Result<Output> {
    plane.kubectl().args(["apply", "-n", NAMESPACE, "-f"]).arg(file).output()
}

fn kubectl(plane: &ControlPlane, args: &[&str]) -> io::Result<Output> {
    let mut command: Command = plane.kubectl();
    command.args(args).output()
}

fn manifests(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    // Tests of pipelines are no manifests.
    let is_manifest = |name: &str| name.ends_with(".yaml") && !name.ends_with("_test.yaml");
    files.retain(|path| path.file_name().and_then(OsStr::to_str).is_some_and(is_manifest));
    files.sort();
    Ok(files)
}

fn shown(file: &Path) -> String {
    file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file).display().to_string()
}

fn print_indented(text: &str) {
    for line in text.lines() {
        println!("  {line}");
    }
}

/// Returns the operator's binary, in the parent of the folder with this example.
fn binary() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let profile = this.ancestors().nth(2).unwrap_or(Path::new("."));
    Ok(profile.join("kaspr-operator"))
}
