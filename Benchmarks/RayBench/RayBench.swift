//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Measures what a call, a put and a get cost on a cluster of this machine. See Benchmarks/README.md.
@main struct RayBench {
    static func main() async throws {
        let start = ContinuousClock.now
        try await ray.init(numCPUs: 2)
        _ = try await ray.get(ray.remote(increment)(1))
        let firstResult = seconds(start.duration(to: .now))
        var rows = [Row(key: "start to first result", unit: "ms", value: firstResult * 1000)]
        rows.append(
            Row(
                key: "head and raylet resident", unit: "MB",
                value: Double(residentBytes(named: "gcs_server") + residentBytes(named: "raylet")) / 1e6))
        rows += try await calls()
        rows += try await objects()
        await ray.shutdown()
        show(rows)
        if CommandLine.arguments.count > 1 { write(rows, to: CommandLine.arguments[1]) }
    }

    private static func calls() async throws -> [Row] {
        var rows: [Row] = []
        let taskSync = try await rate(count: 1) { try await ray.get(ray.remote(nothing)()) }
        rows.append(
            Row(key: "tasks sync", unit: "1/s", value: taskSync, rayRow: "single client tasks sync", ray: 537))
        let taskAsync = try await rate(count: 1000) {
            try await ray.get((0..<1000).map { _ in ray.remote(nothing)() })
        }
        rows.append(
            Row(key: "tasks async", unit: "1/s", value: taskAsync, rayRow: "single client tasks async", ray: 1900))
        let counter = ray.remote(Counter.self).remote()
        let actorSync = try await rate(count: 1) { _ = try await ray.get(counter.increment()) }
        rows.append(
            Row(key: "actor calls sync", unit: "1/s", value: actorSync, rayRow: "1:1 actor calls sync", ray: 1500))
        let actorAsync = try await rate(count: 1000) {
            _ = try await ray.get((0..<1000).map { _ in counter.increment() })
        }
        rows.append(
            Row(key: "actor calls async", unit: "1/s", value: actorAsync, rayRow: "1:1 actor calls async", ray: 4446))
        return rows
    }

    private static func objects() async throws -> [Row] {
        var rows: [Row] = []
        let puts = try await rate(count: 100) {
            for index in 0..<100 { _ = try ray.put(index) }
        }
        rows.append(Row(key: "small puts", unit: "1/s", value: puts))
        let reference = try ray.put(7)
        let gets = try await rate(count: 100) {
            for _ in 0..<100 { _ = try await ray.get(reference) }
        }
        rows.append(Row(key: "small gets", unit: "1/s", value: gets))
        let block = [UInt8](repeating: 1, count: 100_000_000)
        let gigabytes = try await rate(count: 1) { _ = try ray.put(block) } / 10
        rows.append(
            Row(
                key: "put 100 MB", unit: "GB/s", value: gigabytes, rayRow: "single client put gigabytes", ray: 3.38))
        let stored = try ray.put([UInt8](repeating: 1, count: 1_000_000))
        let storedGets = try await rate(count: 100) {
            for _ in 0..<100 { _ = try await ray.view(stored) }
        }
        rows.append(
            Row(
                key: "views of 1 MB in the store", unit: "1/s", value: storedGets,
                rayRow: "single client get calls (Plasma Store)", ray: 9549))
        return rows
    }

    private static func show(_ rows: [Row]) {
        for row in rows {
            var line = row.key.padded(30) + "\((row.value * 100).rounded() / 100) \(row.unit)".padded(24)
            if let ratio = row.ratio { line += "\((ratio * 10).rounded() / 10) × Ray" }
            print(line)
        }
    }

    /// JSON by hand: the rows are flat, and Foundation would be linked for nothing else.
    private static func write(_ rows: [Row], to path: String) {
        let items = rows.map { row in
            "{\"key\": \"\(row.key)\", \"unit\": \"\(row.unit)\", \"value\": \(row.value)"
                + (row.ray.map { ", \"ray\": \($0), \"ratio\": \(row.value / $0)" } ?? "") + "}"
        }
        guard let file = fopen(path, "w") else {
            writeError("raybench: \(path) cannot be written\n")
            exit(1)
        }
        fputs("[\n  " + items.joined(separator: ",\n  ") + "\n]\n", file)
        fclose(file)
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
