//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import ArgumentParser
import Ray
import Shelf
import Toolbox

/// A remote function of the program's own target.
@Remote
func square(_ number: Int) -> Int { number * number }

/// A program whose `main` is the argument parser's, in its workers too: they get the same arguments.
@main
struct OutsideCommand: AsyncParsableCommand {
    @Option(help: "A resource that the node of the calls must have.")
    var resource: String?

    @Argument(help: "Numbers to work with.")
    var numbers: [Int]

    func run() async throws {
        try await ray.init()
        let resources = resource.map { [$0: 1.0] } ?? [:]

        let square = ray.remote(square).options(resources: resources)
        print("squares:", try await ray.get(numbers.map { square($0) }))

        let total = ray.remote(Shelf.Sums.total).options(resources: resources)
        let product = ray.remote(Shelf.Sums.product).options(resources: resources)
        print("library:", try await ray.get(total(numbers)), try await ray.get(product(numbers)))
        let record = ray.remote(Shelf.Sums.Record.self).remote(start: 5)
        print("library's actor:", try await ray.get(numbers.map { record.attempt($0) }))

        let other = ray.remote(Toolbox.total).options(resources: resources)
        let text = ray.remote(backwards).options(resources: resources)
        print("dependency:", try await ray.get(other(numbers)), try await ray.get(text("yar")))
        let tally = ray.remote(Toolbox.Tally.self).remote()
        print("dependency's actor:", try await ray.get(numbers.map { tally.mark($0) }))

        await ray.shutdown()
    }
}
