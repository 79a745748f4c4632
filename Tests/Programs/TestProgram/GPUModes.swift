//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Tasks and actors on nodes with GPUs.
extension TestProgram {
    /// Shows on the nodes with a resource of its name which GPUs work gets there; goes on past the line `head` when a
    /// file of that name is in the folder.
    static func gpus(_ folder: String) async throws {
        try await ray.init()
        let small = ray.remote(holdGPU).options(numCPUs: 0, resources: ["small": 0.01])
        let large = ray.remote(holdGPU).options(numCPUs: 0, resources: ["large": 0.01])
        say("driver: \(try ray.gpuIDs)")
        say("none: \(try await ray.get(large(folder + "/none", 1)))")
        // On a node of two, four halves fill both, two by two.
        let halves = (0..<4).map { _ in small.options(numGPUs: 0.5)(folder + "/halves", 4) }
        say("halves: \(try await ray.get(halves).sorted())")
        let wholes = (0..<3).map { _ in large.options(numGPUs: 1)(folder + "/wholes", 3) }
        say("wholes: \(try await ray.get(wholes).sorted())")
        let typed = ray.remote(holdGPU).options(numGPUs: 2, acceleratorType: "A100")
        say("typed: \(try await ray.get(typed(folder + "/typed", 1)))")
        // An actor keeps its GPU: what comes and goes beside it gets the others.
        let keeper = ray.remote(GPUKeeper.self).options(numCPUs: 0, numGPUs: 1, resources: ["large": 0.01]).remote()
        let kept = try await ray.get(keeper.look())
        say("actor: \(kept)")
        let rest = large.options(numGPUs: 2)
        say("rest: \(try await ray.get(rest(folder + "/rest-0", 1)))")
        say("labelled: \(try await labels())")
        say("head")
        while access(folder + "/head", F_OK) != 0 { try await Task.sleep(for: .milliseconds(20)) }
        say("rest after the head: \(try await ray.get(rest(folder + "/rest-1", 1), timeout: .seconds(30)))")
        say("actor after the head: \(try await ray.get(keeper.look(), timeout: .seconds(30)) == kept)")
        // The death of its worker frees the GPU; all three are there again.
        kill(try await ray.get(keeper.process()), SIGKILL)
        let all = large.options(numGPUs: 3)
        say("all: \(try await ray.get(all(folder + "/all", 1), timeout: .seconds(30)))")
    }

    /// On which CPUs four tasks run that run at the same time.
    static func memoryNodes(_ folder: String) async throws {
        try await begin(cpus: 4)
        let narrow = ray.remote(allowedCPUs).options(numCPUs: 1)
        let lists = (0..<4).map { _ in narrow(folder + "/narrow", 4) }
        say("narrow: \(try await ray.get(lists).sorted())")
        say("wide: \(try await ray.get(ray.remote(allowedCPUs).options(numCPUs: 2)(folder + "/wide", 1)))")
    }

    private static func labels() async throws -> [String] {
        try await ray.nodes().compactMap { node in
            node.labels["ray.io/accelerator-type"].map { "\($0) \(node.resources["GPU"] ?? 0)" }
        }.sorted()
    }
}

/// The GPUs of this process and what CUDA would see; waits until as many processes are in the folder, so that all of
/// them hold theirs at the same time.
@Remote func holdGPU(_ folder: String, _ count: Int) async throws -> String {
    try await meet(folder, count)
    return try seenGPUs()
}

/// The CPUs on which this process may run.
@Remote func allowedCPUs(_ folder: String, _ count: Int) async throws -> String {
    try await meet(folder, count)
    guard let status = fopen("/proc/self/status", "r") else { return "unknown" }
    defer { fclose(status) }
    var line = [CChar](repeating: 0, count: 4096)
    while fgets(&line, Int32(line.count), status) != nil {
        let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(whereSeparator: \.isWhitespace)
        if words.count == 2, words[0] == "Cpus_allowed_list:" { return String(words[1]) }
    }
    return "unknown"
}

/// Holds a GPU as long as it lives.
@RemoteActor final class GPUKeeper {
    init() {}
    func look() throws -> String { try seenGPUs() }
    func process() -> Int32 { getpid() }
}

private func seenGPUs() throws -> String {
    let visible = getenv("CUDA_VISIBLE_DEVICES").map { String(cString: $0) } ?? "unset"
    return "\(try ray.gpuIDs.joined(separator: ",")) \(visible)"
}

private func meet(_ folder: String, _ count: Int) async throws {
    mkdir(folder, 0o700)
    close(creat("\(folder)/\(getpid())", 0o600))
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
        guard let entries = opendir(folder) else { break }
        var found = 0
        while let entry = readdir(entries) { if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { found += 1 } }
        closedir(entries)
        if found >= count { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw PlannedFailure(text: "fewer than \(count) processes came to \(folder)")
}
