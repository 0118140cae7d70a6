//! The main job on an embedded control plane: bad manifests refused, good ones made into workloads.
//!
//! `make demo` stays until Ctrl-C, `make demo ONCE=1` ends by itself.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    thread,
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, Operator};

/// How long a workload may take to be made and become ready.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where everything is applied.
const NAMESPACE: &str = "demo";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(problems) => {
            eprintln!("\n{problems} things did not go as they should");
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
    println!("Starting a control plane (the first time it is built, which takes some minutes) …");
    let plane = ControlPlane::start().map_err(io::Error::other)?;
    println!("Starting the operator: kaspr-operator run --local");
    let log = plane.log_dir().join("kaspr-operator.log");
    let mut operator = Operator::start(&binary()?, plane.kubeconfig(), &log, &["--local"])?;
    println!("It serves its webhooks at {}\n", operator.ready()?);
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

/// Says how to look around, and stays until Ctrl-C: whatever ends this process also ends everything
/// that it started.
fn look_around(plane: &ControlPlane, log: &Path) -> ! {
    println!("\nLook around:");
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

/// Applies what must be refused, and shows why it was. Gives how many were not.
fn refused(plane: &ControlPlane, folder: &Path) -> io::Result<usize> {
    println!("What is refused:\n");
    let mut problems = 0;
    for file in manifests(folder)? {
        let output = apply(plane, &file)?;
        println!("$ kubectl apply -f {}", shown(&file));
        if output.status.success() {
            println!("  accepted, which it should not be");
            problems += 1;
        }
        print_indented(&String::from_utf8_lossy(&output.stderr));
    }
    Ok(problems)
}

/// Applies what must be accepted, and waits until it runs. Gives how many things did not.
fn made(plane: &ControlPlane, folder: &Path) -> io::Result<usize> {
    println!("\nWhat is accepted:\n");
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
        "\nAll apps are ready after {:.1} s more. What was made:\n",
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
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
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

/// The operator's binary, which cargo puts beside the folder with this one.
fn binary() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let profile = this.ancestors().nth(2).unwrap_or(Path::new("."));
    Ok(profile.join("kaspr-operator"))
}
