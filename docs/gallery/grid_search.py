"""scikit-learn's pipeline and grid search

`MLPClassifier` stands where scikit-learn's own stands: behind a scaler in a pipeline, inside a grid
search with cross-validation. What scikit-learn's cannot be asked for, such as dropout, is searched
like everything else. Look at where the bright fields lie.

Picture: a map of nine fields, hidden units across and dropout down, each with its accuracy written
in it and brighter where it is higher; the brightest are those with the most units.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltarule as dr

X, y = load_digits(return_X_y=True)
network = dr.MLPClassifier(schedule="linear", learning_rate_init=0.01, max_iter=20, random_state=0)
model = make_pipeline(StandardScaler(), network)
units, dropout = [(8,), (32,), (128,)], [0.0, 0.2, 0.5]
grid = {"mlpclassifier__dropout": dropout, "mlpclassifier__hidden_layer_sizes": units}
search = GridSearchCV(model, grid, cv=3).fit(X, y)
print("best:", search.best_params_)
print(f"accuracy {search.best_score_:.3f}")

scores = search.cv_results_["mean_test_score"].reshape(3, 3)
figure, axes = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
axes.imshow(scores, aspect="auto")
for row in range(3):
    for column in range(3):
        color = "black" if scores[row, column] > scores.mean() else "white"
        axes.text(column, row, f"{scores[row, column]:.3f}", ha="center", color=color)
axes.set(xlabel="hidden units", xticks=range(3), xticklabels=[n for (n,) in units])
axes.set(ylabel="dropout", yticks=range(3), yticklabels=dropout)
figure.savefig("grid_search.svg")
