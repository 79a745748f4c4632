//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// The square of a number.
@Remote func square(_ value: Int) -> Int { value * value }

/// Throws what it was asked to throw.
@Remote func fail(_ text: String) throws -> Int { throw PlannedFailure(text: text) }

/// The failure of `fail`.
struct PlannedFailure: Error, Codable, CustomStringConvertible {
    var text: String
    var description: String { text }
}

/// Numbers from 0 on.
@Remote func numbers(_ count: Int) -> [Double] { (0..<count).map(Double.init) }

/// The sum of numbers.
@Remote func sum(_ numbers: [Double]) -> Double { numbers.reduce(0, +) }

/// Pauses, then returns the milliseconds.
@Remote func pause(_ milliseconds: Int) async throws -> Int {
    try await Task.sleep(for: .milliseconds(milliseconds))
    return milliseconds
}

/// Fibonacci numbers, each call a task that waits for two others.
@Remote func fibonacci(_ number: Int) async throws -> Int {
    if number < 2 { return number }
    let parts = try await ray.get([ray.remote(fibonacci)(number - 1), ray.remote(fibonacci)(number - 2)])
    return parts[0] + parts[1]
}

/// Notes its process in a file; the first try then never ends, later ones return their number.
@Remote func hang(_ path: String) async throws -> Int {
    let attempt = try ray.context.attempt
    if attempt > 0 { return attempt }
    writeFile(path, "\(getpid())")
    try await Task.sleep(for: .seconds(1000))
    return attempt
}

/// Starts a process of its own, notes both in a file and never gives its thread back.
@Remote func spin(_ path: String) -> Int {
    var child: pid_t = 0
    let words: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/sleep"), strdup("1000"), nil]
    posix_spawn(&child, "/bin/sleep", nil, nil, words, environ)
    writeFile(path, "\(getpid()) \(child)")
    var rounds = 0
    while getpid() > 0 { rounds &+= 1 }
    return rounds
}

/// Can be encoded but not decoded.
struct Undecodable: Codable {
    init() {}
    init(from decoder: any Decoder) throws { throw PlannedFailure(text: "this value cannot be decoded") }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(1)
    }
}

/// Is never called: its argument does not decode.
@Remote func take(_ value: Undecodable) -> Int { 1 }

/// Counts its calls.
@RemoteActor actor Counter {
    private var count: Int

    init(start: Int) { count = start }

    func increment() -> Int {
        count += 1
        return count
    }

    func add(_ amount: Int) throws -> Int {
        guard amount >= 0 else { throw PlannedFailure(text: "the amount \(amount) is negative") }
        count += amount
        return count
    }

    func process() -> Int { Int(getpid()) }
}

/// Notes in which order its calls came, and whether one began inside another.
/// Waits for an actor that takes a CPU for good, and goes on while it lives.
@Remote func countTwice() async throws -> Int {
    let counter = ray.remote(Counter.self).options(numCPUs: 1).remote(start: 5)
    _ = try await ray.get(counter.increment())
    return try await ray.get(counter.increment())
}

@RemoteActor actor Recorder {
    private var next: [Int: Int] = [:]
    private var faults = 0
    private var underWay = 0

    func note(caller: Int, index: Int) async {
        underWay += 1
        if underWay != 1 || next[caller, default: 0] != index { faults += 1 }
        next[caller] = index + 1
        await Task.yield()
        underWay -= 1
    }

    func counts() -> [Int] { next.sorted { $0.key < $1.key }.map(\.value) }
    func faultCount() -> Int { faults }
}

/// Calls the recorder in order.
@Remote func record(_ recorder: Recorder.Handle, caller: Int, count: Int) async throws -> Int {
    try await ray.get((0..<count).map { recorder.note(caller: caller, index: $0) })
    return count
}

/// Looks an actor up from another process.
@Remote func incrementNamed(_ name: String) async throws -> Int {
    try await ray.get(ray.actor(Counter.self, named: name).increment())
}

/// A value that holds a reference and an actor's handle.
struct Parcel: Codable, Sendable {
    var reference: ObjectRef<[Double]>
    var counter: Counter.Handle
}

/// Uses what lies in a parcel, from another process.
@Remote func open(_ parcel: Parcel) async throws -> Double {
    let numbers = try await ray.get(parcel.reference)
    return numbers.reduce(0, +) + Double(try await ray.get(parcel.counter.increment()))
}

/// Makes a parcel whose contents this process owns.
@Remote func pack(_ counter: Counter.Handle) throws -> Parcel {
    Parcel(reference: try ray.put((0..<100_000).map(Double.init)), counter: counter)
}

/// Gets a value whose task may not have been submitted yet when this one starts.
@Remote func follow(_ box: Box.Handle) async throws -> Int {
    while true {
        if let reference = try await ray.get(box.take()).first { return try await ray.get(reference) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Holds references for others.
@RemoteActor actor Box {
    private var held: [ObjectRef<Int>] = []

    func hold(_ references: [ObjectRef<Int>]) { held = references }
    func take() -> [ObjectRef<Int>] { held }
}

/// Prints a line on each stream.
@Remote func speak(_ text: String) {
    print("said: " + text)
    fflush(nil)
    var line = "complained: " + text + "\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Writes a file in one go: whoever sees it sees all of it.
func writeFile(_ path: String, _ text: String) {
    guard let file = fopen(path + ".part", "w") else { return }
    fputs(text, file)
    fclose(file)
    rename(path + ".part", path)
}
