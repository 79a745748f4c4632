//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

struct Shape: Codable, Equatable {
    var name: String
    var lengths: [Double]
}

struct Description: Codable, Equatable {
    var name: String
    var sides: Int
    var unit: String
    var note: String?
}

struct Refusal: Error, Codable, CustomStringConvertible {
    var reason: String
    var description: String { "refused: \(reason)" }
}

// What Python calls.

@Remote
func area(width: Double, height: Double) -> Double { width * height }

@Remote
func area(_ shape: Shape) -> Double { shape.lengths.reduce(1, *) }

@Remote
func scaled(_ numbers: [Float], by factor: Float) -> [Float] { numbers.map { $0 * factor } }

@Remote
func describe(_ shape: Shape) -> Description {
    Description(name: shape.name, sides: shape.lengths.count, unit: "cm", note: nil)
}

@Remote
func reversed(_ bytes: [UInt8]) -> [UInt8] { bytes.reversed() }

@Remote
func refuse(_ reason: String) throws { throw Refusal(reason: reason) }

@Remote
func countDown(from start: Int) -> AsyncStream<Int> {
    AsyncStream { continuation in
        for number in stride(from: start, through: 1, by: -1) { continuation.yield(number) }
        continuation.finish()
    }
}

/// Runs in Swift and calls the Python that has called it.
@Remote
func areaInPython(width: Double, height: Double) async throws -> Double {
    try await ray.get(ray.python("shapes", "area", returning: Double.self)(width, height))
}

@RemoteActor
actor Counter {
    private var count: Int

    init(start: Int) { count = start }

    func increment(by amount: Int) -> Int {
        count += amount
        return count
    }

    func fail() throws { throw Refusal(reason: "as asked") }
}
