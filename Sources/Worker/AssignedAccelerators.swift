//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// The accelerators of a process, which it keeps as long as it lives.
package struct AssignedAccelerators: Hashable, Sendable {
    /// A device as its library calls it.
    package struct Name: Hashable, Sendable, CustomStringConvertible {
        package var kind: Accelerator
        package var text: String

        package init(_ kind: Accelerator, _ text: String) {
            self.kind = kind
            self.text = text
        }

        /// Reads what `description` says.
        package init?(_ text: some StringProtocol) {
            guard let (kind, name) = Accelerator.split(text) else { return nil }
            self.init(kind, name)
        }

        /// "GPU:GPU-8932f937".
        package var description: String { "\(kind.resource):\(text)" }
    }

    /// The devices; of each kind whole ones first.
    package var ids: [AcceleratorID]
    /// What they are called; not in step with `ids` where a runtime environment has made a list of visible devices shorter.
    package var names: [Name]

    package init(ids: [AcceleratorID] = [], names: [Name] = []) {
        self.ids = ids
        self.names = names
    }

    /// What the devices of a kind are called.
    package func names(of kind: Accelerator) -> [String] { names.filter { $0.kind == kind }.map(\.text) }

    /// What all kinds of devices are called, by resource.
    package var namesByResource: [String: [String]] {
        Dictionary(uniqueKeysWithValues: Accelerator.allCases.map { ($0.resource, names(of: $0)) })
    }
}
