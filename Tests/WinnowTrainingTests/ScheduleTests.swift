import Foundation
import Testing
import WinnowTraining

private struct ScheduleFixture: Decodable {
    struct Case: Decodable {
        var schedule: Schedule
        var rates: [Double]
    }
    var stepsPerEpoch: Int
    var cases: [Case]
}

@Suite struct ScheduleTests {
    @Test func ratesEqualTorchAtEveryStep() throws {
        let fixture: ScheduleFixture = try fixture("schedules")
        #expect(fixture.cases.count == 8)
        for example in fixture.cases {
            for (step, rate) in example.rates.enumerated() {
                let own = example.schedule.multiplier(
                    step: step, stepsPerEpoch: fixture.stepsPerEpoch, totalSteps: example.rates.count)
                #expect(abs(own - rate) < 1e-9, "\(example.schedule) at step \(step)")
            }
        }
    }

    @Test func everyScheduleStaysFiniteInRunsOfAnyLength() {
        for shape in Schedule.Shape.allCases {
            for total in 1...7 {
                for warmup in [0, 0.5, 3] {
                    for step in 0..<total {
                        let rate = Schedule(shape, warmupEpochs: warmup).multiplier(
                            step: step, stepsPerEpoch: 2, totalSteps: total)
                        #expect(rate.isFinite && rate >= 0 && rate <= 1)
                    }
                }
            }
        }
    }

    @Test func configurationSurvivesJSON() throws {
        var configuration = TrainingConfiguration(
            epochs: 3, optimizer: .sgd(momentum: 0.9, nesterov: true), schedule: Schedule(.oneCycle, warmupEpochs: 1))
        configuration.augmentation = Augmentation(shiftPixels: 2, flipsHorizontally: true)
        configuration.clipping = GradientClipping(limit: 1)
        let copy = try JSONDecoder().decode(
            TrainingConfiguration.self, from: JSONEncoder().encode(configuration))
        #expect(copy == configuration)
        let sparse = #"{"epochs": 2, "schedule": "cosine", "optimizer": "adamw"}"#
        let read = try JSONDecoder().decode(TrainingConfiguration.self, from: Data(sparse.utf8))
        #expect(read == TrainingConfiguration(epochs: 2, optimizer: .adamW(), schedule: Schedule(.cosine)))
    }
}
