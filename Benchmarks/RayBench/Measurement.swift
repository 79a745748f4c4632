//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc

/// One row of the result.
struct Row: Codable {
    var key: String
    var unit: String
    var value: Double
    /// The row of `ray microbenchmark` that measures the same, and Ray 2.60's figure on a machine of this kind.
    var rayRow: String?
    var ray: Double?

    var ratio: Double? { ray.map { value / $0 } }
}

/// What is measured for one row.
struct Benchmark {
    var key: String
    var unit = "1/s"
    var rayRow: String?
    var ray: Double?
    /// Operations that one run of `body` does.
    var count = 1
    /// What one operation counts in `unit`.
    var scale = 1.0
    var body: () async throws -> Void

    /// The median of five rounds of at least `milliseconds` each, after one run that does not count.
    func run(milliseconds: Int) async throws -> Row {
        try await body()
        var rates: [Double] = []
        for _ in 0..<5 {
            var operations = 0
            let start = ContinuousClock.now
            repeat {
                try await body()
                operations += count
            } while start.duration(to: .now) < .milliseconds(milliseconds)
            rates.append(Double(operations) / seconds(start.duration(to: .now)))
        }
        return Row(key: key, unit: unit, value: rates.sorted()[2] * scale, rayRow: rayRow, ray: ray)
    }
}

/// A duration as seconds.
func seconds(_ duration: Duration) -> Double {
    let (whole, attoseconds) = duration.components
    return Double(whole) + Double(attoseconds) / 1e18
}

/// Resident memory of the processes of this name that this process has started, in bytes.
func residentBytes(named name: String) -> Int {
    guard let folder = opendir("/proc") else { return 0 }
    defer { closedir(folder) }
    var total = 0
    while let entry = readdir(folder) {
        let text = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard Int(text) != nil, firstLine("/proc/\(text)/comm") == name, parent(of: text) == getpid(),
            let statm = firstLine("/proc/\(text)/statm")?.split(separator: " "), statm.count > 1,
            let pages = Int(statm[1])
        else { continue }
        total += pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
    return total
}

private func parent(of process: String) -> Int32? {
    guard let status = firstLine("/proc/\(process)/stat"), let end = status.lastIndex(of: ")") else { return nil }
    let fields = status[status.index(after: end)...].split(separator: " ")
    return fields.count > 1 ? Int32(fields[1]) : nil
}

private func firstLine(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 512)
    guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
    let line = buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    return line.last == "\n" ? String(line.dropLast()) : line
}
