//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

func surroundings() {
    // error: 'local' cannot be remote because it is declared inside other code, which a worker does not run; move it
    //   to file scope
    @Remote func local() -> Int { 1 }
}

struct Plain {
    // error: 'method' cannot be remote because it is an instance method of a type that is not a '@RemoteActor'; make
    //   it static, or put '@RemoteActor' on the type
    @Remote func method() -> Int { 1 }
}

struct Generic<Element> {
    // error: 'inside' cannot be remote because the type around it is generic; move it to file scope
    @Remote static func inside() -> Int { 1 }
}
