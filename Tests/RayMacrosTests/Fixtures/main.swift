//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

// error: 'script' cannot be remote because it is declared in main.swift, whose globals are not initialised in a
//   worker; move it to another file
@Remote func script() -> Int { 1 }

// error: 'ScriptActor' cannot be remote because it is declared in main.swift, whose globals are not initialised in a
//   worker; move it to another file
@RemoteActor actor ScriptActor {}
