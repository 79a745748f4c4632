//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

/// Does nothing: what remains is the cost of a call.
@Remote func nothing() {}

/// A call with a small argument and result.
@Remote func increment(_ value: Int) -> Int { value + 1 }

/// Calls on an actor; the state makes order matter.
@RemoteActor actor Counter {
    private var count = 0

    func increment() -> Int {
        count += 1
        return count
    }
}
