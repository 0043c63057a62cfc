"""A training in MLflow: its plan as parameters, each epoch's values as metrics, the best weights.

    pip install deltarule mlflow-skinny
    MLFLOW_TRACKING_URI=file:mlruns MLFLOW_ALLOW_FILE_STORE=true python mlflow_callback.py

MLflow 3 wants the second variable for runs in plain files; a server's address needs only the first.
"""

import dataclasses

import mlflow

import deltarule as dr


class MLflowCallback(dr.Callback):
    """Logs to the active run; between `with mlflow.start_run():` and its end."""

    def on_start(self, training):
        mlflow.log_params(dataclasses.asdict(training.plan))

    def on_epoch(self, training):
        record = dict(training.history.epochs[-1])
        step = record.pop("step")
        mlflow.log_metrics(record, step=step)


def main():
    data = dr.load_data("digits")
    X, y, X_val, y_val = data.X[:1400], data.y[:1400], data.X[1400:], data.y[1400:]
    net = dr.Network([64, 50, 10], scaling="feature", schedule="linear")
    with mlflow.start_run():  # a training that fails marks the run as failed
        net.train(X, y, X_val, y_val, epochs=10, lr=0.002, callbacks=[MLflowCallback()])
        net.save("digits.safetensors")
        mlflow.log_artifact("digits.safetensors")


if __name__ == "__main__":
    main()
