//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite("Conditions on labels") struct LabelSelectorTests {
    @Test("A key without values must be there, or must not be there") func keysAlone() {
        let present = LabelSelector([LabelSelector.Condition(key: "spot", values: [], isNegated: false)])
        let absent = LabelSelector([LabelSelector.Condition(key: "spot", values: [], isNegated: true)])
        #expect(present.matches(["spot": ""]) && present.matches(["spot": "x"]) && !present.matches([:]))
        #expect(!absent.matches(["spot": ""]) && absent.matches(["other": "x"]))
        #expect("\(present) \(absent)" == "spot !spot")
    }

    @Test("Ray's notation") func notation() throws {
        let selector = try LabelSelector(parsing: ["a": "in(1, 2)", "b": "!3", "c": "!in(4,5)"])
        #expect(selector.matches(["a": "2", "b": "1"]))
        #expect(!selector.matches(["a": "3"]) && !selector.matches(["a": "1", "b": "3"]))
        #expect(!selector.matches(["a": "1", "c": "5"]))
        #expect(throws: RayError.self) { try LabelSelector(parsing: ["a": "in()"]) }
    }
}
