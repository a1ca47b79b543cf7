// Skipping: at once when nothing was done yet, else after one more key, which may say why.

export class SkipDialog {
  constructor({ root, isBegun }) {
    this.dialog = root.querySelector("#skip-dialog");
    this.form = root.querySelector("form#skip");
    this.isBegun = isBegun;
    this.dialog.addEventListener("click", (event) => {
      const button = event.target.closest("[data-reason]");
      if (button) this.skip(button.dataset.reason);
    });
    this.dialog.addEventListener("keydown", (event) => {
      const button = /^[1-5]$/.test(event.key) && this.dialog.querySelectorAll("[data-reason]")[Number(event.key) - 1];
      if (!button || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.skip(button.dataset.reason);
    });
  }

  open() {
    this.dialog.querySelector("[data-skip-work]").hidden = !this.isBegun();
    this.dialog.showModal();
  }

  skip(reason) {
    this.dialog.close();
    this.form.elements.reason.value = reason;
    this.form.requestSubmit();
  }
}
