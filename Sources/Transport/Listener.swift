//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A listening socket of an endpoint.
final class Listener: ReactorSource {
    let descriptor: Int32
    let isUnix: Bool
    /// The path of a Unix socket, removed at the end.
    let path: String
    private let endpoint: Endpoint

    init(descriptor: Int32, isUnix: Bool, path: String, endpoint: Endpoint) {
        self.descriptor = descriptor
        self.isUnix = isUnix
        self.path = path
        self.endpoint = endpoint
    }

    func ready(_ events: UInt32) {
        // A bound per turn, so that a flood of connections does not keep others waiting.
        for _ in 0..<64 {
            let accepted = endpoint.settings.accept(descriptor)
            guard accepted >= 0 else {
                if Scarcity.isMeant(by: -accepted) { endpoint.rest(self, code: -accepted) }
                return
            }
            endpoint.accepted(accepted, isUnix: isUnix)
        }
    }

    func stopped() { endpoint.close(self) }
}
