//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import ArgumentParser
import RayCLI
import RayCore
import RayNode
import Testing

/// Parses a command line as a shell would split it.
private func parse(_ line: String) throws -> StartCommand {
    let words = line.split(separator: " ").map(String.init)
    return try #require(try RayCommand.parseAsRoot(["start"] + words) as? StartCommand)
}

private func plan(_ line: String, in surroundings: StartSurroundings = StartSurroundings()) throws -> StartPlan {
    try parse(line).plan(in: surroundings)
}

/// Why a command line is refused; nothing if it is not.
private func refusal(_ line: String, in surroundings: StartSurroundings = StartSurroundings()) -> String? {
    do {
        _ = try plan(line, in: surroundings)
        return nil
    } catch {
        let failure = CommandFailure(error)
        #expect(failure.exitCode == 2)
        return failure.text
    }
}

@Suite("ray start: options")
struct StartOptionTests {
    @Test("The line that KubeRay writes for a head is understood")
    func kubeRayHead() throws {
        let plan = try plan(
            "--head  --block  --dashboard-agent-listen-port=52365  --dashboard-host=0.0.0.0  --memory=1073741824  "
                + "--metrics-export-port=8080  --num-cpus=1",
            in: StartSurroundings(address: "127.0.0.1:6379", isKubeRay: true, externalHost: "10.1.2.3"))
        #expect(plan.isBlocking)
        #expect(plan.options.isHead)
        #expect(plan.options.nodeHost == "10.1.2.3")
        #expect(plan.options.port == 6379)
        #expect(plan.options.clientPort == 10001)
        #expect(plan.options.memory == 1 << 30)
        #expect(plan.options.cpus == 1)
        #expect(
            plan.notices == [
                "--dashboard-host is accepted but not served yet",
                "--dashboard-agent-listen-port is accepted but not served yet",
                "--metrics-export-port is accepted but not served yet",
            ])
    }

    @Test("The line that KubeRay writes for a worker is understood")
    func kubeRayWorker() throws {
        let plan = try plan(
            "--address=raycluster-sample-head-svc.default.svc.cluster.local:6379  --block  "
                + "--dashboard-agent-listen-port=52365  --memory=1073741824  --metrics-export-port=8080  "
                + "--num-cpus=1  --num-gpus=3",
            in: StartSurroundings(isKubeRay: true, externalHost: "10.1.2.4"))
        #expect(!plan.options.isHead)
        #expect(plan.options.headHost == "raycluster-sample-head-svc.default.svc.cluster.local")
        #expect(plan.options.headPort == 6379)
        #expect(plan.options.nodeHost == "10.1.2.4")
        #expect(plan.options.gpus == 3)
        #expect(plan.options.clientPort == nil)
    }

    @Test(
        "Every option with a value that Ray 2.60 has is parsed, with '=' and with a space",
        arguments: [
            "node-ip-address=127.0.0.1", "port=0", "node-name=a", "redis-username=u", "redis-password=p",
            "redis-shard-ports=1,2", "object-manager-port=8076", "node-manager-port=0", "min-worker-port=10002",
            "max-worker-port=19999", "worker-port-list=10002,10003", "ray-client-server-port=10001", "memory=1",
            "object-store-memory=1", "num-cpus=0", "num-gpus=0", "resources={}", "include-dashboard=true",
            "include-dashboard=False", "dashboard-host=0.0.0.0", "dashboard-port=8265",
            "dashboard-agent-listen-port=52365", "dashboard-agent-grpc-port=1", "runtime-env-agent-port=1",
            "plasma-directory=/dev/shm", "object-spilling-directory=/tmp/x", "autoscaling-config=a.yaml",
            "temp-dir=/tmp/ray", "system-config={}", "metrics-export-port=8080", "tracing-startup-hook=a:b",
            "labels=a=b", "labels-file=l.yaml", "include-log-monitor=false", "system-reserved-cpu=0.5",
            "system-reserved-memory=1", "cgroup-path=/sys/fs/cgroup", "proxy-server-url=http://x",
            "log-style=pretty", "log-color=false",
        ])
    func valueOptions(option: String) throws {
        _ = try plan("--head --\(option)")
        let parts = option.split(separator: "=", maxSplits: 1)
        _ = try plan("--head --\(parts[0]) \(parts[1])")
    }

    @Test(
        "Every flag that Ray 2.60 has is parsed",
        arguments: [
            "block", "no-redirect-output", "enable-object-reconstruction", "no-monitor", "ray-debugger-external",
            "disable-usage-stats", "enable-resource-isolation", "verbose",
        ])
    func flags(name: String) throws {
        #expect(try plan("--head --\(name)").isBlocking == (name == "block"))
    }

    @Test("An option that does not exist is refused, and the nearest one named")
    func unknownOption() {
        #expect(refusal("--head --dashbord-port=1")?.contains("Did you mean '--dashboard-port'?") == true)
    }

    @Test(
        "Wrong command lines are refused with what is wrong",
        arguments: [
            ("", "needs --head"),
            ("--head --address=h:6379", "give only one of them"),
            ("--address=127.0.0.1:6379 --port=6379", "--port belongs to the head"),
            ("--address=127.0.0.1:6379 --redis-shard-ports=1", "--redis-shard-ports belongs to the head"),
            ("--address=127.0.0.1:6379 --include-dashboard=false", "--include-dashboard belongs to the head"),
            ("--address=10.0.0.1:6379", "--node-ip-address=10.0.0.9"),
            ("--address=auto", "finds no head"),
            ("--address=127.0.0.1", "has no port"),
            ("--address=ray://127.0.0.1:10001", "HOST:PORT"),
            ("--address=a:0", "from 1 to 65535"),
            ("--head --port=70000", "--port"),
            ("--head --num-cpus=-1", "--num-cpus is -1.0"),
            ("--head --num-cpus -1", "--num-cpus is -1.0"),
            ("--head --num-gpus=-0.5", "cannot be negative"),
            ("--head --num-cpus=nan", "cannot be negative"),
            ("--head --memory=-1", "--memory is -1"),
            ("--head --object-store-memory=-1", "--object-store-memory is -1"),
            ("--head --resources={\"a\":-1}", "'a' in --resources is -1.0"),
            ("--head --resources={\"a\":true}", "'a' in --resources is no number"),
            ("--head --resources={\"a\":\"1\"}", "'a' in --resources is no number"),
            ("--head --resources={\"a\":{}}", "'a' in --resources is no number"),
            ("--head --resources=[1]", "JSON object"),
            ("--head --resources={", "JSON object"),
            ("--head --resources={\"\":1}", "without a name"),
            ("--head --resources={\"CPU\":1}", "use --num-cpus"),
            ("--head --labels=a", "no label"),
            ("--head --labels=a=b=c", "no label"),
            ("--head --labels=a=b,a=c", "twice"),
            ("--head --include-dashboard=maybe", "--include-dashboard"),
        ])
    func refusals(line: String, part: String) {
        let text = refusal(line, in: StartSurroundings(externalHost: "10.0.0.9"))
        #expect(text?.contains(part) == true, "\(text ?? "was accepted")")
    }

    @Test("By hand a node listens on loopback unless an address is given")
    func bindByHand() throws {
        let surroundings = StartSurroundings(externalHost: "10.0.0.9")
        #expect(try plan("--head", in: surroundings).options.nodeHost == "127.0.0.1")
        #expect(try plan("--head --node-ip-address=10.0.0.9", in: surroundings).options.nodeHost == "10.0.0.9")
        #expect(try plan("--address=localhost:6379", in: surroundings).options.nodeHost == "127.0.0.1")
    }

    @Test("A worker takes RAY_ADDRESS, and 'auto' finds the head on this machine")
    func addresses() throws {
        #expect(try plan("--block", in: StartSurroundings(address: "127.0.0.1:7000")).options.headPort == 7000)
        let local = StartSurroundings(
            localHeads: [AddressLookup.LocalHead(address: HostAddress(host: "127.0.0.1", port: 7001))])
        #expect(try plan("--address=auto", in: local).options.headPort == 7001)
    }

    @Test(
        "A second head at the address of the first is refused with what there is to do; another address is none of it")
    func secondHead() throws {
        var head = AddressLookup.LocalHead(address: HostAddress(host: "127.0.0.1", port: 6379))
        let text = refusal("--head", in: StartSurroundings(localHeads: [head]))
        #expect(text?.contains("runs at 127.0.0.1:6379 already: 'ray stop' ends it") == true)
        #expect(text?.contains("'ray start --address=127.0.0.1:6379' adds a node") == true)
        for line in ["--head --port=7000", "--head --port=0", "--head --node-ip-address=10.0.0.9"] {
            #expect(refusal(line, in: StartSurroundings(localHeads: [head])) == nil)
        }
        // A node here has joined one elsewhere.
        head.isServedHere = false
        #expect(refusal("--head", in: StartSurroundings(localHeads: [head])) == nil)
    }

    @Test("A head's name that nobody knows is told before an address for this machine is asked for")
    func unknownHost() {
        let surroundings = StartSurroundings(
            externalHost: "10.0.0.9", unknownHost: { $0 == "typo" ? "not known" : nil })
        let text = refusal("--address=typo:6379", in: surroundings)
        #expect(text?.contains("'typo' cannot be resolved: not known; check --address") == true)
        #expect(refusal("--address=other:6379", in: surroundings)?.contains("--node-ip-address=10.0.0.9") == true)
        #expect(MachineAddress.unknown(host: "127.0.0.1") == nil)
        #expect(MachineAddress.unknown(host: String(repeating: "a", count: 300))?.isEmpty == false)
    }

    @Test("Resources and labels may have quotes that a shell has left around them")
    func quotes() throws {
        let plan = try plan(#"--head --resources='{"TPU":4,"x":0.5}' --labels='a=b,ray.io/c=d'"#)
        #expect(plan.options.resources == ["TPU": 4, "x": 0.5])
        #expect(plan.options.labels == ["a": "b", "ray.io/c": "d"])
    }

    @Test("More CPUs than there are is no error")
    func manyCPUs() throws {
        #expect(try plan("--head --num-cpus=100000").options.cpus == 100_000)
    }
}
