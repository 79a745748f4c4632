//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Measures what a call, a put and a get cost on a cluster of this machine. See Benchmarks/README.md.
@main struct RayBench {
    static func main() async throws {
        let options = Options(CommandLine.arguments.dropFirst())
        let start = ContinuousClock.now
        try await ray.init(numCPUs: 2)
        _ = try await ray.get(ray.remote(increment)(1))
        let firstResult = seconds(start.duration(to: .now))
        var rows: [Row] = []
        if options.only == nil {
            rows = [
                Row(key: "start to first result", unit: "ms", value: firstResult * 1000),
                Row(
                    key: "head and raylet resident", unit: "MB",
                    value: Double(residentBytes(named: "gcs_server") + residentBytes(named: "raylet")) / 1e6),
            ]
        }
        for benchmark in try calls() + objects() where options.only ?? benchmark.key == benchmark.key {
            rows.append(try await benchmark.run(milliseconds: options.milliseconds))
        }
        await ray.shutdown()
        show(rows)
        if let path = options.path { write(rows, to: path) }
    }

    private static func calls() -> [Benchmark] {
        let counter = ray.remote(Counter.self).remote()
        return [
            Benchmark(key: "tasks sync", rayRow: "single client tasks sync", ray: 537) {
                try await ray.get(ray.remote(nothing)())
            },
            Benchmark(key: "tasks async", rayRow: "single client tasks async", ray: 1900, count: 1000) {
                try await ray.get((0..<1000).map { _ in ray.remote(nothing)() })
            },
            Benchmark(key: "actor calls sync", rayRow: "1:1 actor calls sync", ray: 1500) {
                _ = try await ray.get(counter.increment())
            },
            Benchmark(key: "actor calls async", rayRow: "1:1 actor calls async", ray: 4446, count: 1000) {
                _ = try await ray.get((0..<1000).map { _ in counter.increment() })
            },
        ]
    }

    private static func objects() throws -> [Benchmark] {
        let small = try ray.put(7)
        let block = [UInt8](repeating: 1, count: 100_000_000)
        let stored = try ray.put([UInt8](repeating: 1, count: 1_000_000))
        return [
            Benchmark(key: "small puts", count: 100) {
                for index in 0..<100 { _ = try ray.put(index) }
            },
            Benchmark(key: "small gets", count: 100) {
                for _ in 0..<100 { _ = try await ray.get(small) }
            },
            Benchmark(
                key: "put 100 MB", unit: "GB/s", rayRow: "single client put gigabytes", ray: 3.38, scale: 0.1
            ) { _ = try ray.put(block) },
            Benchmark(
                key: "views of 1 MB in the store", rayRow: "single client get calls (Plasma Store)", ray: 9549,
                count: 100
            ) {
                for _ in 0..<100 { _ = try await ray.view(stored) }
            },
        ]
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
