//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCLI

/// The program `ray`. It holds nothing else, so that tests can import the commands.
@main enum RayProgram {
    static func main() { RayCommand.main() }
}
